"""CI: the workflows of a commit run by act in the jail; a bundle comes out."""
