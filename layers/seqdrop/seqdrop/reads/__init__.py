"""Reading sequence files: bytes → lines → records, with every fault named and located.

source   the raw stream: counted, hashed, decompressed
lines    lines with their number and byte offset
fastq, fasta   records of one format, checked as they are read
qc       what is counted on the way
check    all of it together: one pass over one file
"""
