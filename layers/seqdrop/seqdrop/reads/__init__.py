"""Reading sequence files: blocks → sound records and counts, with every fault named and located.

source, inflate   the raw stream: counted, hashed, decompressed member by member
blocks            the buffer, cut where records end
fastq, block      a block at a time: `rows` finds the lines, `measure` counts, `names` hashes, all by numpy,
                  or all at once by the C `kernel`
exact, layout, lines, letters   line by line, for blocks with a fault or of unusual layout
fasta, fasta_block, bam         the other formats
naming            duplicates, interleaved mates, and the digest (`mates`) that a pair is compared by
qc, lengths, origin   what is counted on the way
codes, findings   what can be wrong, and what was
check             all of it together: one pass over one file
"""
