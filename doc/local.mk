# Installed with README and NEWS.
dist_doc_DATA += doc/design.md doc/operations.md doc/conformance.md
