"""Git hosting: bare repositories over smart HTTP, their refs recorded, their contents browsed."""
