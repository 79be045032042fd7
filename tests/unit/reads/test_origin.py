"""Headers of all platforms name their origin."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from seqdrop.reads.check import Reading
from seqdrop.reads.origin import KEYS, LONGEST, MOST, Origin, parse

UUID = "0a1b2c3d-0000-4000-8000-0123456789ab"
RUN_ID = "f5b6c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f6a7b8"
NOVASEQ = {"platform": "illumina", "instrument": "A00123", "run": "45", "flow_cell": "HXX", "lane": "2"}
AVITI = {"platform": "element", "instrument": "PLT-03", "run": "BBS-0174", "flow_cell": "2140948523", "lane": "1"}
NANOPORE = {"platform": "nanopore", "run": RUN_ID, "flow_cell": "PAM93185"}

HEADERS = {
    # Illumina, with everything that may follow the name
    "A00123:45:HXX:2:1101:1:2 1:N:0:ACGT": NOVASEQ,
    "A00123:45:HXX:2:1101:1:2": NOVASEQ,
    "A00123:45:HXX:2:1101:1:2/1": NOVASEQ,
    "A00123:45:HXX:2:1101:1:2\tRX:Z:AC": NOVASEQ,
    "A00123:45:HXX:2:1101:1:2/1\tRX:Z:ACGTAC-TTTTTT\tBC:Z:AACC-GGTT": NOVASEQ,
    "A00123:45:HXX:2:1101:1:2\t1:N:0:ACGT": NOVASEQ,
    "A00123:45:HXX:2:1101:1:2:ACGTACGT 1:N:0:ACGT": NOVASEQ,
    "A00123:45:HXX:2:1101:1:2_1:N:0:ACGT": NOVASEQ,
    "A00123:45:HXX:2:1101:1:2#ACGT/1": NOVASEQ,
    "M00123:7:000000000-ABCDE:1:1101:15:1332 1:N:0:1": {
        "platform": "illumina", "instrument": "M00123", "run": "7", "flow_cell": "000000000-ABCDE", "lane": "1",
    },
    "LH00123:100:22ABCLT3:8:2496:51234:29001 2:N:0:AC+GT": {
        "platform": "illumina", "instrument": "LH00123", "run": "100", "flow_cell": "22ABCLT3", "lane": "8",
    },
    "HWUSI-EAS100R:6:73:941:1973#0/1": {"platform": "illumina", "instrument": "HWUSI-EAS100R", "lane": "6"},
    "HWI-ST550_0201:3:1101:1626:2216\tBC:Z:AC": {"platform": "illumina", "instrument": "HWI-ST550_0201", "lane": "3"},
    # Element AVITI: the run is a name
    "PLT-03:BBS-0174:2140948523:1:10102:0293:0058 1:N:0:ACGT": AVITI,
    "PLT-03:BBS-0174:2140948523:1:10102:0293:0058/2": AVITI,
    "PLT-03:BBS-0174:2140948523:1:10102:0293:0058\tRX:Z:AC": AVITI,
    "AV250505:Q6177-5-8pool:1324334413:1:22105:0068:2686 1:N:0:AC": {
        "platform": "element", "instrument": "AV250505", "run": "Q6177-5-8pool", "flow_cell": "1324334413", "lane": "1",
    },
    "AV250505:20260101:1324334413:2:22105:0068:2686": {
        "platform": "element", "instrument": "AV250505", "run": "20260101", "flow_cell": "1324334413", "lane": "2",
    },
    "PLT-04:APP-0289::1:10102:0562:0050": {
        "platform": "element", "instrument": "PLT-04", "run": "APP-0289", "lane": "1",
    },
    "PLT-16:APP-0316:UNKNOWN_FLOWCELL:1:10102:0582:0027": {
        "platform": "element", "instrument": "PLT-16", "run": "APP-0316", "flow_cell": "UNKNOWN_FLOWCELL", "lane": "1",
    },
    # MGI and BGI
    "V350012345L1C001R00100000001/1": {"platform": "mgi", "flow_cell": "V350012345", "lane": "1"},
    "E100020409L4C001R0030000234 1:N:0:AC": {"platform": "mgi", "flow_cell": "E100020409", "lane": "4"},
    "CL100025298L1C002R050_244547": {"platform": "mgi", "flow_cell": "CL100025298", "lane": "1"},
    "V300017009_8AL2C001R0030001805/1": {"platform": "mgi", "flow_cell": "V300017009_8A", "lane": "2"},
    "DP8400010271TLL1C005R0511863479": {"platform": "mgi", "flow_cell": "DP8400010271TL", "lane": "1"},
    "8A_V100004684L3C001R029011637/1": {"platform": "mgi", "flow_cell": "V100004684", "lane": "3"},
    # Ultima
    "004733_1-X0003-1345904491": {"platform": "ultima", "run": "004733"},
    "004733_1-X0003-0072646116_TCGTCACTCGAAAACT": {"platform": "ultima", "run": "004733"},
    "014214_2-UFOx1-143-9871314132_AGTAC": {"platform": "ultima", "run": "014214"},
    "021144-X0066-1234567890\tRX:Z:AC": {"platform": "ultima", "run": "021144"},
    "V222:23526:::1:1:7:9831:222:1:443:N:0.99:Z0199:": {"platform": "ultima", "instrument": "V222", "run": "23526"},
    # PacBio
    "m64011_190830_220126/1/ccs": {"platform": "pacbio", "instrument": "m64011", "run": "m64011_190830_220126"},
    "m84001_220101_000000_s1/123/ccs/rev": {
        "platform": "pacbio", "instrument": "m84001", "run": "m84001_220101_000000_s1",
    },
    "m54006U_160504_020705/4194374/0_1000 RQ=0.8": {
        "platform": "pacbio", "instrument": "m54006U", "run": "m54006U_160504_020705",
    },
    "m84001_220101_000000_s1/123": {"platform": "pacbio", "instrument": "m84001", "run": "m84001_220101_000000_s1"},
    "m130802_221257_00127_c100560082550000001823094812221334_s1_p0/128361/872_4288": {
        "platform": "pacbio", "instrument": "00127", "flow_cell": "c100560082550000001823094812221334",
        "run": "m130802_221257_00127_c100560082550000001823094812221334_s1_p0",
    },
    # Oxford Nanopore, both syntaxes
    f"{UUID} runid={RUN_ID} read=7 ch=1 start_time=2026-01-01T00:00:00Z flow_cell_id=PAM93185 sample_id=S": NANOPORE,
    f"{UUID}\tqs:f:12.5\tRG:Z:{RUN_ID}_dna_r10.4.1_e8.2_400bps_sup@v5.0.0_barcode01\tch:i:63\tPU:Z:PAM93185": NANOPORE,
    f"{UUID}\tRG:Z:{RUN_ID}_x\tPU:Z:PAM93185\tDS:Z:gpu:Tesla V100-PCIE-16GB\tPM:Z:P2S-01": {
        **NANOPORE, "instrument": "P2S-01",
    },
    f"{UUID} RG:Z:{RUN_ID}_x PU:Z:PAM93185": NANOPORE,
    f"{UUID} runid={RUN_ID}\tPU:Z:PAM93185": NANOPORE,
    UUID: {"platform": "nanopore"},
    f"{UUID}\tRG:Z:sample_1": {"platform": "nanopore"},
    # Ion Torrent
    "ZEWTM:10130:07001": {"platform": "iontorrent", "run": "ZEWTM"},
    # archives, with and without the original name
    "SRR1.1 1 length=36": {"accession": "SRR1"},
    "SRR9.1.1 1 length=36": {"accession": "SRR9"},
    "ERR811170.1": {"accession": "ERR811170"},
    "DRR000001.1/1": {"accession": "DRR000001"},
    "SRR11215720.1_1_length=120": {"accession": "SRR11215720"},
    "SRR1.1 A00123:45:HXX:2:1101:1:2 length=151": {**NOVASEQ, "accession": "SRR1"},
    "SRR1.1.2 A00123:45:HXX:2:1101:1:2/2": {**NOVASEQ, "accession": "SRR1"},
    "SRR2.1 PLT-03:BBS-0174:2140948523:1:10102:0293:0058 length=150": {**AVITI, "accession": "SRR2"},
    "DRR000001.1 3060N:7:1:1116:340 length=36": {
        "platform": "illumina", "instrument": "3060N", "lane": "7", "accession": "DRR000001",
    },
    "ERR000589.1 EAS139_45:5:1:2:111/1": {
        "platform": "illumina", "instrument": "EAS139_45", "lane": "5", "accession": "ERR000589",
    },
    "SRR3.1 V350012345L1C001R00100000001/1 length=100": {
        "platform": "mgi", "flow_cell": "V350012345", "lane": "1", "accession": "SRR3",
    },
    f"SRR4.1 {UUID} length=4000": {"platform": "nanopore", "accession": "SRR4"},
    # no origin
    "r1": {},
    "read:1": {},
    "m1/2": {},
    "chr1:100-200": {},
    "SRR1": {},
    "": {},
}  # fmt: skip


@pytest.mark.parametrize("header", HEADERS)
def test_headers_name_their_origin(header):
    assert parse(header) == HEADERS[header]


@given(st.text(max_size=200))
def test_any_header_has_facts_with_known_keys_or_none(header):
    facts = parse(header)
    assert set(facts) <= set(KEYS)
    assert all(facts.values())


def test_a_report_has_the_values_of_a_file():
    reading = Reading(io.BytesIO(b"@AV1:my_run:1324334413:2:22105:0068:2686\tRX:Z:AC\nAC\n+\nII\n"), ["fastq"])
    reading.run()
    expected = {"platform": ["element"], "instrument": ["AV1"], "run": ["my_run"], "flow_cell": ["1324334413"]}
    assert reading.report()["qc"]["origin"] == {**expected, "lane": ["2"], "accession": []}


def test_the_number_and_length_of_values_are_bounded():
    origin = Origin()
    for number in range(100):
        origin.look(b"AV1:%s:1324334413:2:22105:0068:2686" % (b"%d" % number + b"x" * 1000))
    runs = origin.report()["run"]
    assert (len(runs), max(map(len, runs))) == (MOST, LONGEST)
