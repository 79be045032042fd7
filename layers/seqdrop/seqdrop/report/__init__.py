"""Make the HTML page on one file from its JSON report. This package does not need numpy.

schema      the types of a report as JSON
markup      a tree of HTML and SVG elements, in which all text is escaped
numbers     the formatting of numbers
axes        axes of charts, which turn values into positions, and their ticks
charts      line and bar charts as SVG
positions   the figures of a report by position in the read
pictures    all charts of a report
findings    the faults of a report, with advice
page        the whole page

The charts are drawn without a library. leather supports neither a dark theme nor a logarithmic axis. pygal (LGPL,
1.3 MB in the layer) gives its elements random ids, so two pages on the same report would differ.
"""
