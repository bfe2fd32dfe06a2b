"""Back to an earlier release or state, by a commit forward."""
