"""The design system: base page, macros, islands. Knows no capability."""
