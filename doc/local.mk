# Installed with README and NEWS.
dist_doc_DATA += doc/design.md doc/operations.md doc/conformance.md
dist_doc_DATA += doc/durability.md doc/formats.md
dist_doc_DATA += doc/performance.md doc/style.md doc/testing.md
dist_doc_DATA += doc/shell.md
dist_doc_DATA += doc/extensions.md
