package gate

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// OwnersFile is the CODEOWNERS file of a commit: the first one that is there of
// [OwnersPaths]. Path is empty when there is none.
type OwnersFile struct {
	Path    string
	Content []byte
}

// OwnersPaths are the places of a CODEOWNERS file, in the order in which GitHub
// looks. https://docs.github.com/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners#codeowners-file-location
func OwnersPaths() []string {
	return []string{".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"}
}

// maxOwners is the size from which on GitHub does not read the file.
const maxOwners = 3 << 20

// ownersApprove asks for the approval of one owner of each changed file that has
// owners.
func ownersApprove(facts Facts, approvers []string) (State, string) {
	lost := func(err error) (State, string) {
		return Unknown, "could not find out about code owners: " + legible(err.Error())
	}
	file, err := facts.Owners.Get()
	if err != nil {
		return lost(err)
	}
	if file.Path == "" {
		return Fail, fmt.Sprintf("%s has no CODEOWNERS file", facts.To.Branch)
	}
	rules, err := parseOwners(file)
	if err != nil {
		return lost(err)
	}
	changes, err := facts.Changes.Get()
	if err != nil {
		return lost(err)
	}
	var open []string
	for _, change := range changes {
		owners := ownersOf(rules, change.Path)
		approved, err := anyApproves(owners, approvers, facts.Teams)
		switch {
		case len(owners) == 0 || approved:
		case err != nil:
			return lost(fmt.Errorf("the owners of %q: %w", change.Path, err))
		default:
			open = append(open, fmt.Sprintf("%q (%s)", change.Path, strings.Join(owners, " ")))
		}
	}
	if len(open) > 0 {
		return Pending, "no owner approved " + most(open)
	}
	return Pass, "code owners approved"
}

// anyApproves says whether one of the owners is among those who approved. An error
// says that it is not known of all of them whether they are.
func anyApproves(owners, approvers []string, teams map[string]Fact[[]string]) (bool, error) {
	var lost error
	for _, owner := range owners {
		login, isAccount := strings.CutPrefix(owner, "@")
		team := strings.ToLower(login)
		switch {
		case !isAccount:
			lost = errors.Join(lost, fmt.Errorf("%s is an e-mail address, and whose it is cannot be looked up", owner))
		case !strings.Contains(login, "/"):
			if hasLogin(approvers, login) {
				return true, nil
			}
		default:
			members, err := teams[team].Get()
			if err != nil {
				lost = errors.Join(lost, fmt.Errorf("the members of %s: %w", owner, err))
			}
			if slices.ContainsFunc(members, func(member string) bool { return hasLogin(approvers, member) }) {
				return true, nil
			}
		}
	}
	return false, lost
}

// OwnerTeams lists the teams that a CODEOWNERS file names, as org/team in lower
// case, sorted: those whose members have to be looked up. A file that cannot be
// read has none; the gate says so.
func OwnerTeams(file OwnersFile) []string {
	rules, err := parseOwners(file)
	if err != nil {
		return nil
	}
	var teams []string
	for _, rule := range rules {
		for _, owner := range rule.owners {
			if name, ok := strings.CutPrefix(owner, "@"); ok && strings.Contains(name, "/") {
				teams = append(teams, strings.ToLower(name))
			}
		}
	}
	slices.Sort(teams)
	return slices.Compact(teams)
}
