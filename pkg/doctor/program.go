package doctor

import (
	"context"
	"errors"
	"fmt"

	"github.com/getpawl/pawl/pkg/config"
	"github.com/getpawl/pawl/pkg/git"
)

// checkProgram looks at the git program of this machine. Only what a checkout is
// read with needs it: with --repo, everything goes over the network without it.
func (a *audit) checkProgram(context.Context) error {
	id, what := "git-missing", ""
	switch {
	case errors.Is(a.NoProgram, git.ErrNoGit):
		what = "there is no git program on this machine"
	case a.NoProgram != nil:
		what = fmt.Sprintf("the git program of this machine does not run: %v", a.NoProgram)
	case !a.Program.AtLeast(git.OldestProgram):
		id, what = "git-old", fmt.Sprintf("git %s on this machine is older than %s", a.Program, git.OldestProgram)
	case !a.Program.AtLeast(git.SafeProgram):
		a.find(Note, "git-unsafe", fmt.Sprintf("git %s on this machine does not know safe.bareRepository, which pawl asks of it", a.Program),
			"where a checkout has a bare repository in a folder, pawl bump in that folder takes the one for the other", "install git "+git.SafeProgram+" or newer")
		return nil
	default:
		return nil
	}
	a.find(Warning, id, what,
		"pawl bump --commit is refused without it, and no command sees the checkout that it runs in: whose it is, "+
			"its "+config.FileName+", and the name, the signing key and the credentials of Git's configuration",
		fmt.Sprintf("install git %s or newer, for example: apt-get install git; or let jobs do without a checkout: --repo %s", git.OldestProgram, a.Name))
	return nil
}
