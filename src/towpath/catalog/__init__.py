"""Entities, kinds, relations: what exists, who owns it, how it hangs together, and how it came in."""
