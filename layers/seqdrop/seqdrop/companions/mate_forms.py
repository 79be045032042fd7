"""The table of the names of mates, index reads and leftovers. `mates.py` makes its patterns from it.

Each row has one form, two names of that form, and the program or document that writes it. docs/formats.md#pairs repeats
the table, and a test compares both.
"""

from __future__ import annotations

from dataclasses import dataclass

MATE, MAYBE, NUMBER, WORD, INDEX = "mate", "mate or sample", "number", "word", "index"
AFTER, BEFORE = "leftover, word after", "leftover, word before"


@dataclass(frozen=True)
class Form:
    """One row of the table.

    `pattern` is a part of a name, which separators (`_`, `.`, `-`) or the ends of the name delimit; None if the row
    only gives another source for an earlier pattern. `first` and `second` are the names of two files: mates, two index
    reads, or the leftovers of both mates. The meanings are:

    - MATE: a mate, without doubt; the pattern's group is the number.
    - MAYBE: a mate, or a sample that is named alike.
    - NUMBER: a bare number at the end of a name, or before words of the sort WORD. It too may be that of a sample.
    - WORD: what a program did to the reads; the word may stand between a number and the suffix.
    - INDEX: reads that are not a mate. A pattern without a group stands before a bare number.
    - AFTER, BEFORE: what a trimmer left over. The word stands after or before that which would be a mate's number.
    """

    meaning: str
    pattern: str | None
    first: str
    second: str
    source: str


FORMS = (
    Form(MATE, "[Rr]([12])", "S1_S1_L001_R1_001.fastq.gz", "S1_S1_L001_R2_001.fastq.gz",
         "Illumina bcl2fastq 2.20 and BCL Convert; Element bases2fastq; Cell Ranger"),
    Form(MATE, None, "Undetermined_S0_L001_R1_001.fastq.gz", "Undetermined_S0_L001_R2_001.fastq.gz",
         "bcl2fastq 2.20: reads of no sample are in step too"),
    Form(MATE, None, "S1.R1.trimmed.fq.gz", "S1.R2.trimmed.fq.gz", "cutadapt and fastp manuals (`out.R1.fq.gz`)"),
    Form(MATE, None, "S1_R1.fastq.paired.fq", "S1_R2.fastq.paired.fq", "fastq_pair 1.0"),
    Form(MATE, None, "S1_R1_001_val_1.fq.gz", "S1_R2_001_val_2.fq.gz", "Trim Galore 0.6; both numbers change"),
    Form(MATE, "reads?([12])", "S1_read1.fastq.gz", "S1_read2.fastq.gz", "seqtk and BBTools manuals (`read1.fq`)"),
    Form(MATE, "mate([12])", "S1_Unmapped.out.mate1", "S1_Unmapped.out.mate2", "STAR 2.7 manual"),
    Form(MATE, "pair([12])", "S1.pair1.truncated.gz", "S1.pair2.truncated.gz", "AdapterRemoval 2.3"),
    Form(MATE, None, "S1-trimmed-pair1.fastq", "S1-trimmed-pair2.fastq", "Skewer 0.2"),
    Form(MATE, "paired([12])", "S1_paired1.fq", "S1_paired2.fq", "samtools fastq manual (`-1 paired1.fq`)"),
    Form(MAYBE, "[Rr]?([12])P", "S1_TRIM_1P.fastq.gz", "S1_TRIM_2P.fastq.gz", "Trimmomatic 0.39 `-baseout`"),
    Form(MAYBE, "(forward|reverse|Forward|Reverse|FORWARD|REVERSE)", "S1_forward_paired.fq.gz",
         "S1_reverse_paired.fq.gz", "Trimmomatic manual; PEAR 0.9; QIIME 2 (`forward.fastq.gz`)"),
    Form(MAYBE, "(fwd|rev|Fwd|Rev|FWD|REV)", "S1_fwd.fq.gz", "S1_rev.fq.gz", "SortMeRNA 4 `--out2`"),
    Form(MAYBE, "([FR])(?=_filt)", "S1_F_filt.fastq.gz", "S1_R_filt.fastq.gz", "DADA2 tutorial"),
    Form(NUMBER, "([12])", "SRR390728_1.fastq.gz", "SRR390728_2.fastq.gz", "SRA Toolkit fasterq-dump 3; ENA"),
    Form(NUMBER, None, "V350_L01_57_1.fq.gz", "V350_L01_57_2.fq.gz", "MGI splitBarcode; Novogene"),
    Form(NUMBER, None, "S1.1.fastq", "S1.2.fastq", "cutadapt manual; Picard IlluminaBasecallsToFastq"),
    Form(NUMBER, None, "S1_1_val_1.fq.gz", "S1_2_val_2.fq.gz", "Trim Galore 0.6; without doubt"),
    Form(NUMBER, None, "S1.fastq.1.gz", "S1.fastq.2.gz", "Bowtie 2 and HISAT2 `--un-conc-gz S1.fastq.gz`"),
    Form(WORD, "clean(?:ed)?", "S1_1.clean.fq.gz", "S1_2.clean.fq.gz", "BGI and Novogene, clean data"),
    Form(WORD, "raw", "S1_1.raw.fq.gz", "S1_2.raw.fq.gz", "Novogene and BGI users, raw data"),
    Form(WORD, "trim", "S1_1.trim.fastq.gz", "S1_2.trim.fastq.gz", "nf-core cutadapt; Data Carpentry genomics"),
    Form(WORD, "trimmed", "S1_1_trimmed.fq.gz", "S1_2_trimmed.fq.gz", "Trim Galore 0.6, each file by itself"),
    Form(WORD, "paired", "S1_1.paired.fq.gz", "S1_2.paired.fq.gz", "seqkit pair 2; Trimmomatic users"),
    Form(WORD, "fastq|fq", "S1_1.fastq.paired.fq", "S1_2.fastq.paired.fq", "fastq_pair 1.0"),
    Form(WORD, "cutadapt", "S1_1.cutadapt.fastq.gz", "S1_2.cutadapt.fastq.gz", "cutadapt users"),
    Form(WORD, "trimmomatic", "S1_1_trimmomatic.fq.gz", "S1_2_trimmomatic.fq.gz", "Trimmomatic users"),
    Form(WORD, "bbduk", "S1_1.bbduk.fastq.gz", "S1_2.bbduk.fastq.gz", "BBTools users"),
    Form(WORD, "fastp", "S1_1.fastp.fastq.gz", "S1_2.fastp.fastq.gz", "nf-core fastp"),
    Form(WORD, "filt(?:er(?:ed)?)?", "S1_1_filtered.fastq", "S1_2_filtered.fastq", "DADA2, QC pipelines"),
    Form(WORD, "cor(?:rected)?", "S1_1.cor.fq.gz", "S1_2.cor.fq.gz", "Rcorrector 1.0; Lighter 1.1"),
    Form(WORD, "qc", "S1_1.qc.fq.gz", "S1_2.qc.fq.gz", "khmer protocols"),
    Form(WORD, "dedup(?:licated)?", "S1_1.dedup.fq.gz", "S1_2.dedup.fq.gz", "MultiQC `fn_clean_exts`"),
    Form(WORD, "merged", "S1_1.merged.fastq.gz", "S1_2.merged.fastq.gz", "nf-core cat/fastq: lanes merged"),
    Form(WORD, r"part_\d+", "S1_1.part_001.fq.gz", "S1_2.part_001.fq.gz", "seqkit split2 2"),
    Form(INDEX, "[Ii]([1-4])", "S1_S1_L001_I1_001.fastq.gz", "S1_S1_L001_I2_001.fastq.gz",
         "bcl2fastq 2.20; Cell Ranger, index reads"),
    Form(INDEX, "[Rr]([34])", "S1_S1_L001_R3_001.fastq.gz", "S1_S1_L001_R4_001.fastq.gz",
         "bcl2fastq 2.20 with index or UMI reads as reads; Cell Ranger ATAC"),
    Form(INDEX, "barcode|index", "S1.barcode_1.fastq", "S1.barcode_2.fastq", "Picard IlluminaBasecallsToFastq"),
    Form(AFTER, "unpaired", "S1_R1_unpaired.fastq", "S1_R2_unpaired.fastq", "Trimmomatic and fastp users"),
    Form(AFTER, r"(?:[Rr]?[12])u(?:n|npaired)?", "S1_R1_1U.fastq.gz", "S1_R1_2U.fastq.gz",
         "Trimmomatic `-baseout`; `S1_1un.trim.fastq.gz` of Data Carpentry"),
    Form(AFTER, "orphans?", "S1_R1_orphans.fq", "S1_R2_orphans.fq", "users of samtools fastq and repair.sh"),
    Form(AFTER, "singletons?", "S1_R1_singletons.fq", "S1_R2_singletons.fq", "prinseq-lite 0.20; samtools fastq `-s`"),
    Form(AFTER, "singles?(?![_.-]cells?)", "S1_R1.fastq.single.fq", "S1_R2.fastq.single.fq", "fastq_pair 1.0"),
    Form(AFTER, "se", "S1_R1_SE.fastq.gz", "S1_R2_SE.fastq.gz", "HTStream"),
    Form(AFTER, "fail", "S1_R1.fail.fastq.gz", "S1_R2.fail.fastq.gz", "nf-core fastp"),
    Form(BEFORE, "unpaired", "S1_R1_unpaired_1.fq.gz", "S1_R2_unpaired_2.fq.gz",
         "Trim Galore 0.6 `--retain_unpaired`"),
    Form(BEFORE, None, "S1_unpaired_R1.fastq.gz", "S1_unpaired_R2.fastq.gz", "Trimmomatic and fastp users"),
    Form(BEFORE, "unmatched", "S1_kneaddata_unmatched_1.fastq", "S1_kneaddata_unmatched_2.fastq", "KneadData 0.12"),
    Form(BEFORE, "single_out|bad_out", "S1_single_out_R1.fastq", "S1_single_out_R2.fastq", "PRINSEQ++ 1.2"),
    Form(BEFORE, "singles?", "S1_singles_R1.fastq", "S1_singles_R2.fastq", "sickle users (`-s singles.fastq`)"),
    Form(BEFORE, "singletons?", "S1_singletons_R1.fastq", "S1_singletons_R2.fastq", "BBTools users (`outs=`)"),
    Form(BEFORE, "orphans?", "S1_orphans_1.fq.gz", "S1_orphans_2.fq.gz", "users of samtools fastq and repair.sh"),
)  # fmt: skip


def pattern_of(*meanings: str) -> str:
    """Return a regular expression that matches the pattern of any row with one of these meanings."""
    return "|".join(f"(?:{form.pattern})" for form in FORMS if form.meaning in meanings and form.pattern)
