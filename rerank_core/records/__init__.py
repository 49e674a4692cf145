"""Records of files of lines: what jobs read and what judged collections are made of.

Whatever is no record comes as a `BadRow`, in its place: who reads decides whether that ends everything.
"""
