"""Read sequence files block by block: check and count their records, and report every fault with its location.

checksums, digest the raw stream, which is counted and hashed
source, inflate   its decompression member by member
blocks            the buffer that a stream is read into, in blocks of whole records
fastq, examiner   FASTQ, a whole block at a time. With numpy, `fastq_rows` finds the lines, `measure` counts and `names`
                  hashes; the C `kernel` does the same in one pass
line_parser, layout, lines, characters
                  FASTQ line by line, for blocks with a fault or of unusual layout
fasta, fasta_block, fasta_records, fasta_alphabets, blank_lines
                  FASTA of nucleotides or proteins
formats, signatures
                  the format of a file, and the names of formats that are not read
bam, bed          unaligned BAM as a stream of FASTQ; the intervals of a BED
name_checks, duplicates, name_digests
                  duplicate names, interleaved mates, and the digest of names that is compared with that of the mate
qc, origin        the figures that are counted while a file is read
codes, findings   the codes of all faults, and the faults of one file
check             one pass over one file, which uses all of the above
multiqc           the figures for MultiQC
"""
