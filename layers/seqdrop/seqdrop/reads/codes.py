"""The code of every fault that validation can report, with its default severity and its advice.

docs/formats.md lists the same codes for people; a test compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass

ERROR, WARNING, IGNORE = "error", "warning", "ignore"
SEVERITIES = (ERROR, WARNING, IGNORE)


@dataclass(frozen=True)
class Code:
    """A kind of fault. If `fixed`, it makes a file unreadable or unsafe, and no policy can change its severity."""

    name: str
    advice: str
    severity: str = ERROR
    fixed: bool = False


_TRANSFER = (
    "The file was damaged when it was transferred or written. Compare its checksum with that of the source and upload "
    "it again."
)
_CUT = "The file was cut short. Compare its size with that of the source and upload it again."
_EDITED = "Was the file edited, or joined from parts? Make it again from its source."
_PAIR = "Check that the two files belong together, and that both were trimmed and filtered in the same run."
_ASSEMBLY = "Were the two files made for the same assembly?"

_ALL = (
    # the file as a whole
    Code("empty_file", "Upload it again; the transfer may have been interrupted.", fixed=True),
    Code("wrong_format", "A FASTQ starts with @, a FASTA with >. Correct the start of the file, or make it again from "
         "its source.", fixed=True),
    Code("wrong_suffix", "Rename the file to match its content: .fastq, .fasta or .bam, followed by .gz if it is "
         "gzip."),
    Code("unsupported_compression", "Decompress it, and upload it uncompressed or as gzip (bgzip, pigz or gzip).",
         fixed=True),
    Code("unsupported_format", "Convert it to FASTQ with `samtools fastq`, and drop the FASTQ.", fixed=True),
    Code("wrong_encoding", "Save the file as plain text (ASCII or UTF-8).", fixed=True),
    Code("byte_order_mark", "It was left out. Many other tools fail on it; `dos2unix` removes it.",
         WARNING),
    Code("aligned_bam", "Drop the reads as the sequencer wrote them, or extract them with `samtools fastq`."),
    Code("bam_corrupt", _TRANSFER, fixed=True),
    Code("missing_quality", "Its bases were counted with quality 0. Was the file written without qualities on purpose?",
         WARNING),
    # compression; `byte` is an offset in the compressed file
    Code("gzip_truncated", _TRANSFER, fixed=True),
    Code("gzip_bad_header_crc", _TRANSFER, fixed=True),
    Code("gzip_trailer_cut", _TRANSFER, fixed=True),
    Code("gzip_bad_crc", _TRANSFER, fixed=True),
    Code("gzip_bad_length", _TRANSFER, fixed=True),
    Code("gzip_corrupt", _TRANSFER, fixed=True),
    Code("gzip_expansion", "Sequence files expand to 3 to 10 times their size. Is it a sequence file, or were the same "
         "data written again and again? If it is right, set a larger `max_expanded_gb` for its analysis in "
         "analyses.toml, or upload it uncompressed.", fixed=True),
    Code("gzip_trailing_garbage", "Other data were appended to the file. Make it again from its source."),
    Code("gzip_padding", "Tapes and some file systems pad files with zeros. gzip and Python read the file, but tools "
         "of htslib (samtools, bcftools) refuse it. Compress it again: `gzip -dc FILE | gzip > NEW`.", WARNING),
    Code("bgzf_padding", "Tapes and some file systems pad files with zeros. Tools of htslib (samtools, bcftools) "
         "refuse such a file. Upload it again from its source, or compress it again: `gzip -dc FILE | bgzip > NEW`."),
    Code("bgzf_no_eof", "The end may be missing. Compare its size with that of the source, or make it again with "
         "bgzip."),
    # records of FASTQ
    Code("bad_header", "A record starts with @. The record before it may have too many lines, or a line was lost.",
         fixed=True),
    Code("empty_name", "Every record needs a name directly after its @ or >."),
    Code("missing_plus", "The + line between sequence and quality is missing.", fixed=True),
    Code("plus_name_differs", "Lines were lost or mixed up. Leave the + line empty, or repeat the header in it."),
    Code("length_mismatch", "Sequence and quality must be equally long. A line was cut, lost or doubled.", fixed=True),
    Code("truncated", _CUT, fixed=True),
    Code("illegal_quality", "Qualities are printable characters without space. The file may be damaged, "
         "or a line was lost.", fixed=True),
    Code("phred64_suspected", "If the reads are older than 2011, convert them (`seqtk seq -Q64 -V`); "
         "models and aligners expect Phred+33.", WARNING),
    Code("multiline_fastq", "This is valid, but it is slow to read and many tools misread it. Write four lines for "
         "each record.", WARNING),
    Code("empty_sequence", "Trimming leaves such reads. If later tools reject them, set a minimum length for trimming.",
         WARNING),
    Code("record_too_long", "No sequencer writes such a record. Were line ends lost?", fixed=True),
    # records of either format
    Code("illegal_base", "A sequence may contain only A, C, G, T, U, N and the other IUPAC ambiguity codes. "
         "Is this a nucleotide file?", fixed=True),
    Code("mixed_u_and_t", "U is read as T. If RNA and DNA were joined on purpose, nothing needs to be done.", WARNING),
    Code("ambiguous_base", "This analysis accepts no IUPAC ambiguity codes except N.", IGNORE),
    Code("non_ascii", "A sequence file may contain only ASCII. Rename the record, or repair the damage.", fixed=True),
    Code("nul_byte", "NUL bytes come from a faulty disk or a broken transfer. Make the file again from its source.",
         fixed=True),
    Code("control_character", "There is a control character where text should be. " + _EDITED),
    Code("mixed_line_ends", "Some lines end differently from the first line. " + _EDITED),
    Code("crlf", "These are Windows line ends. They are valid here, but many tools fail on them; `dos2unix` converts "
         "them.", WARNING),
    Code("blank_line", "Remove the blank line. " + _EDITED),
    Code("blank_between_records", "They were left out, and most tools do the same. `sed '/^[[:space:]]*$/d'` removes "
         "them.", WARNING),
    Code("duplicate_name", "Names must differ, or results cannot be distinguished. Was a file joined to itself?"),
    # records of FASTA
    Code("data_before_header", "A FASTA file starts with a line of > and a name.", fixed=True),
    Code("empty_record", "The file may be cut, or two headers follow each other. Remove the record, or add its "
         "sequence."),
    Code("protein_suspected", "Drop proteins under proteins/. On your machine, check them with `seqdrop validate "
         "--alphabet protein`.", fixed=True),
    # proteins
    Code("illegal_residue", "A protein may contain only the 20 amino acids, X, B, Z, J, U, O and a final *.",
         fixed=True),
    Code("alignment_gap", "This is a sequence of an alignment. Remove its gaps with `seqkit seq -g`.", fixed=True),
    Code("internal_stop", "A protein has no stop inside. Was it translated in the wrong frame, or is it a pseudogene? "
         "Remove the record, or write X for the stop.", fixed=True),
    Code("stop_codon", "Nothing needs to be done: the * of the stop codon is not a residue.", WARNING),
    Code("protein_too_long", "No known protein is that long. Is this a nucleotide sequence, or are several proteins in "
         "one record?", fixed=True),
    Code("nucleotides_suspected", "These look like DNA or RNA, not proteins. Drop them under contigs/ (on your "
         "machine, check them without `--alphabet protein`), or translate their genes first (`prodigal -a`, "
         "`gffread -y`, `transeq`) and drop the proteins."),
    # mates
    Code("mates_unequal_counts", _PAIR),
    Code("mates_out_of_step", _PAIR),
    Code("mates_same_file", "Both files are the same mate. Drop R1 and R2 of the same sample."),
    Code("mates_swapped", "Give R1 first and R2 second, or rename the two files."),
    # BED masks
    Code("bed_columns", "A line has at least three columns, separated by tabs: record, start, end.", fixed=True),
    Code("bed_number", "Write positions as whole numbers, without thousands separators.", fixed=True),
    Code("bed_negative", "Positions count from 0, from the start of the record.", fixed=True),
    Code("bed_order", "BED is 0-based and half-open: one base at position 0 is `0 1`. GFF and VCF count differently.",
         fixed=True),
    Code("bed_overlap", "Merge overlapping intervals with `bedtools merge`, or remove one of them.", fixed=True),
    Code("bed_empty", "The file must have at least one interval. To fill runs of N, drop the FASTA without a BED.",
         fixed=True),
    Code("bed_too_large", "Split the FASTA and its BED, by record or region.", fixed=True),
    Code("bed_no_record", "The name of a record is its header up to the first white space. " + _ASSEMBLY, fixed=True),
    Code("bed_beyond_end", _ASSEMBLY, fixed=True),
)  # fmt: skip

CODES: dict[str, Code] = {code.name: code for code in _ALL}
