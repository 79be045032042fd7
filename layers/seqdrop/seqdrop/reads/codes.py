"""Every fault that validation can find: its code, its severity where analyses.toml says nothing, and what to do.

docs/formats.md lists the same codes for people; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass

ERROR, WARNING, IGNORE = "error", "warning", "ignore"
SEVERITIES = (ERROR, WARNING, IGNORE)


@dataclass(frozen=True)
class Code:
    """One kind of fault. `fixed` ones make a file unreadable or unsafe, so no policy can soften them."""

    name: str
    advice: str
    severity: str = ERROR
    fixed: bool = False


_TRANSFER = "The file was damaged in transfer or writing. Compare checksums with the source and upload it again."
_CUT = "The file was cut short. Compare its size with the source and upload it again."
_EDITED = "Was the file edited, or joined from parts? Make it anew from its source."
_PAIR = "Check which two files belong together, and that both were trimmed and filtered in the same run."

_ALL = (
    # the file as a whole
    Code("empty_file", "Upload it again; the transfer may have been cut.", fixed=True),
    Code("wrong_format", "Drop the file under the prefix of its format, or correct its first line.", fixed=True),
    Code("wrong_suffix", "Rename the file so that its suffix says what it holds: .fastq, .fasta or .bam, then .gz."),
    Code("unsupported_compression", "Decompress it, and upload it plain or as gzip (bgzip, pigz and gzip all do).",
         fixed=True),
    Code("unsupported_format", "Convert it to FASTQ, and drop that: `samtools fastq` does it.", fixed=True),
    Code("aligned_bam", "Drop reads as they came from the sequencer, or extract them with `samtools fastq`."),
    Code("bam_corrupt", _TRANSFER, fixed=True),
    Code("missing_quality", "Its bases were counted as quality 0. Was the file made without qualities on purpose?",
         WARNING),
    # compression; `byte` is an offset in the compressed file
    Code("gzip_truncated", _TRANSFER, fixed=True),
    Code("gzip_trailer_cut", _TRANSFER, fixed=True),
    Code("gzip_bad_crc", _TRANSFER, fixed=True),
    Code("gzip_bad_length", _TRANSFER, fixed=True),
    Code("gzip_corrupt", _TRANSFER, fixed=True),
    Code("gzip_trailing_garbage", "Something was appended to the file. Make it anew from its source."),
    Code("bgzf_no_eof", "The end may be missing. Compare its size with the source, or make it anew with bgzip."),
    # records of FASTQ
    Code("bad_header", "A record starts with @. The record before may have too many lines, or a line was lost.",
         fixed=True),
    Code("empty_name", "Every record needs a name right after its @ or >."),
    Code("missing_plus", "The + line between sequence and quality is missing.", fixed=True),
    Code("plus_name_differs", "Lines were lost or mixed up. Leave the + line bare, or make it equal to the header."),
    Code("length_mismatch", "Sequence and quality must be equally long. A line was cut, lost or doubled.", fixed=True),
    Code("truncated", _CUT, fixed=True),
    Code("illegal_quality", "Qualities are printable characters without space. The file may be damaged, "
         "or a line was lost.", fixed=True),
    Code("phred64_suspected", "If the reads are from before 2011, convert them (`seqtk seq -Q64 -V`); "
         "models and aligners take Phred+33.", WARNING),
    Code("multiline_fastq", "Valid, but slow to read and misread by many tools; write four lines a record.", WARNING),
    Code("empty_sequence", "Trimming leaves such reads; set a minimum length there if tools downstream refuse them.",
         WARNING),
    Code("record_too_long", "No sequencer makes such a record. Were line ends lost?", fixed=True),
    # records of either format
    Code("illegal_base", "Only A C G T U, the IUPAC ambiguity codes and N may stand in a sequence. "
         "Is this a nucleotide file?", fixed=True),
    Code("ambiguous_base", "This analysis takes no IUPAC ambiguity codes but N.", IGNORE),
    Code("non_ascii", "Only ASCII may stand in a sequence file. Rename the record, or repair the damage.", fixed=True),
    Code("nul_byte", "NUL bytes come from a bad disk or a broken transfer. Make the file anew from its source.",
         fixed=True),
    Code("control_character", "A control character stands where text should. " + _EDITED),
    Code("mixed_line_ends", "Some lines end otherwise than the first. " + _EDITED),
    Code("crlf", "Windows line ends: valid here, but many tools stumble. `dos2unix` mends them.", WARNING),
    Code("blank_line", "Remove the blank line. " + _EDITED),
    Code("duplicate_name", "Names must differ, or results could not be told apart. Was a file joined to itself?"),
    # records of FASTA
    Code("data_before_header", "A FASTA file starts with a line of > and a name.", fixed=True),
    Code("empty_record", "The file may be cut, or two headers follow each other. Remove the record or add its "
         "sequence."),
    Code("protein_suspected", "These look like amino acids; this place takes nucleotides. Drop proteins under "
         "proteins/.", fixed=True),
    # proteins
    Code("illegal_residue", "Only the letters of the 20 amino acids, X, B, Z, J, U, O and a last * may stand in a "
         "protein.", fixed=True),
    Code("alignment_gap", "This is a sequence of an alignment. Take its gaps out: `seqkit seq -g` does.", fixed=True),
    Code("internal_stop", "A protein has no stop inside. Was it translated in the wrong frame, or is it a pseudogene? "
         "Remove the record, or write X for the stop.", fixed=True),
    Code("stop_codon", "Nothing to be done: the * of the stop codon is no residue.", WARNING),
    Code("protein_too_long", "No protein is as long: is this a nucleotide sequence, or are several in one record?",
         fixed=True),
    Code("nucleotides_suspected", "These look like DNA or RNA, not proteins. Drop them under contigs/, or translate "
         "their genes first (`prodigal -a`, `gffread -y`, `transeq`) and drop the proteins."),
    # mates
    Code("mates_unequal_counts", _PAIR),
    Code("mates_out_of_step", _PAIR),
    Code("mates_same_file", "The same reads were given as both mates. Give R1 and R2."),
    Code("mates_swapped", "Give R1 first and R2 second, or rename the two files."),
    # BED masks
    Code("bed_columns", "A line is record, start, end, apart by tabs: three columns at the least.", fixed=True),
    Code("bed_number", "Write positions as whole numbers, without thousands separators.", fixed=True),
    Code("bed_negative", "Positions count from 0, from the start of the record.", fixed=True),
    Code("bed_order", "BED is 0-based and half-open: one base at position 0 is `0 1`. GFF and VCF count otherwise.",
         fixed=True),
    Code("bed_overlap", "Put overlapping stretches together (`bedtools merge`), or drop one of them.", fixed=True),
    Code("bed_empty", "Name at least one stretch. To fill runs of N, drop the FASTA alone.", fixed=True),
    Code("bed_too_large", "Split the FASTA and its BED, by record or region.", fixed=True),
    Code("bed_no_record", "A record's name is its header up to the first white space. Were the two files made for the "
         "same assembly?", fixed=True),
    Code("bed_beyond_end", "Were the two files made for the same assembly?", fixed=True),
)  # fmt: skip

CODES: dict[str, Code] = {code.name: code for code in _ALL}
