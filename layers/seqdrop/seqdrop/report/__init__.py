"""The page on one file: an HTML page for people, made from the report that programs read (no numpy here).

schema      the types of a report as JSON
markup      a tree of elements that escapes all text
numbers     figures as text
axes        from values to positions on a chart, and the ticks between
charts      lines and bars as SVG
positions   the figures of a report by position in the read
pictures    the charts of a report
findings    the faults of a report, and what to do about them
page        the whole page

The charts are our own. leather supports neither a dark theme nor a logarithmic axis. pygal (LGPL, 1.3 MB in the layer)
gives its elements random ids, so the same report would never give the same page.
"""
