"""The picture of one file: a page that a person opens, made of the report that programs read (no numpy here).

markup     a tree of elements, which escapes whatever it is given
numbers    how figures are written
axes       from values to places on a chart, and the ticks between
charts     lines and bars as SVG
pictures   which charts show which part of a report
findings   what is wrong, where, and what to do
page       all of it together

The charts are our own: leather cannot follow a dark theme or carry a logarithmic axis, and pygal (LGPL, 1.3 MB in the
layer) marks its elements at random, so that the same report would never give the same page.
"""
