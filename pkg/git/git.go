// Package git reads and writes one Git repository: on a server over smart HTTP or
// SSH ([Remote]), or the user's working copy ([Checkout]). Both hand out [Objects],
// in which a commit is made from nothing but a parent and the files that change.
// A remote needs no clone: [Remote.FetchFiles] gets the folders and files that are
// of interest, and of the history the commits alone.
//
// What it guarantees:
//
//   - A branch moves by [Remote.Push] and [Checkout.Advance] only: from the value
//     that the caller states, to a commit that was built on that value. There is
//     no force and no deletion. Push returns nil only when the server reported the
//     branch as updated, or when the branch was read back at the commit.
//   - A commit changes the files that it was asked to change. Trees are spliced as
//     bytes: every other entry keeps its name, its mode and its place. A path
//     through a symbolic link or a submodule is refused.
//   - Credentials go to the configured origin only, in one Authorization header,
//     over TLS (plain HTTP is for loopback). They are taken out of every text that
//     a server sends. No redirect leads to another origin. Over SSH the ssh program
//     authenticates, with its own configuration and without asking anybody.
//   - What a server sends is bounded in size and checked by its own id; text is
//     stripped of what could drive a terminal.
//   - The git program runs without hooks, filters, a file system monitor or a
//     prompt, without the network, and without the caller's GIT_ environment. The
//     one thing it may start is a credential helper, where a caller asks for that.
//
// What it does not do: it makes no merges and no tags, knows no SHA-256
// repositories and no repositories on a local path, and runs no filters (LFS and
// the like). A file of a checkout may have other line ends on disk than in Git, but
// no other form ([ConvertedError]).
//
// Commits and other objects are named by their full id: 40 lower-case hexadecimal
// digits.
package git

import (
	"fmt"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// Branches returns the names of the branches among full ref names, sorted.
func Branches(refs map[string]string) []string {
	var names []string
	for ref := range refs {
		if name, ok := strings.CutPrefix(ref, branchPrefix); ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// parseHash reads a full object id. Anything shorter could mean something else
// tomorrow.
func parseHash(id string) (plumbing.Hash, error) {
	if len(id) != 40 || strings.Trim(id, "0123456789abcdef") != "" || strings.Trim(id, "0") == "" {
		return plumbing.ZeroHash, fmt.Errorf("%q is not a full commit id", id)
	}
	return plumbing.NewHash(id), nil
}
