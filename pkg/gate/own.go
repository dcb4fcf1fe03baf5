package gate

import "strings"

// ownContexts is what the contexts of commit statuses begin with that pawl
// publishes about its own verdicts, and no others.
const ownContexts = "pawl/"

// StatusContext is the context of the commit status that says what the gates of
// an environment say. The environment is part of it: a promotion keeps its SHA,
// and statuses belong to a SHA.
func StatusContext(environment string) string { return ownContexts + environment }

// isOwn says whether a commit status is one of pawl's own. The gate checks leaves
// them out, whatever the configuration matches: a verdict that rests on itself
// would pass once for ever, or never.
func isOwn(context string) bool { return strings.HasPrefix(context, ownContexts) }
