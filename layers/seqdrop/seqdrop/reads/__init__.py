"""Reading sequence files: blocks become valid records and counts, and every fault is reported with its location.

source, inflate   the raw stream: counted, hashed, decompressed member by member
blocks            the buffer, which is cut where records end
fastq, examiner   FASTQ, a whole block at a time: `fastq_rows` finds the lines, `measure` counts, `names` hashes, all by
                  numpy; or the C `kernel` does all of it at once
line_parser, layout, lines, characters
                  FASTQ line by line, for blocks with a fault or of unusual layout
fasta, fasta_block, fasta_records, fasta_alphabets
                  FASTA of nucleotides or proteins
bam, bed          unaligned BAM as a stream of FASTQ; the intervals of a BED
name_checks, duplicates, name_digests
                  duplicate names, interleaved mates, and the digest by which a pair is compared
qc, origin        what is counted while a file is read
codes, findings   every fault that a file can have, and those that a file has
check             all of it together: one pass over one file
multiqc           the figures for MultiQC
"""
