package githubtest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// commitInput is the input CreateCommitOnBranchInput [schema.graphql].
type commitInput struct {
	repository, branch string // owner/name, and the branch's short name
	expected           string
	message            string
	changes            map[string][]byte // nil: a file that is deleted
}

// createCommitOnBranch "appends a commit to the given branch as the authenticated
// user", and GitHub signs it [schema.graphql]. The branch must be at expectedHeadOid.
func (q *request) createCommitOnBranch(ctx context.Context, f field, variables map[string]any) *response {
	input, _ := resolveVariables(f.arguments["input"], variables).(map[string]any)
	in, bad := readCommitInput(input)
	if bad != "" {
		return graphqlFailure(nil, &graphqlError{
			Message:   "Variable $input of type CreateCommitOnBranchInput! was provided invalid value for " + bad, // the words are unverified
			Locations: []object{{"line": f.line, "column": f.column}},
		})
	}
	empty := object{f.key(): nil}
	missing := f.problem("NOT_FOUND", fmt.Sprintf("Could not resolve to a Repository with the name '%s'.", in.repository))
	found, _ := q.server.find(in.repository)
	if found == nil {
		return graphqlFailure(empty, missing)
	}
	found.network.mu.Lock()
	defer found.network.mu.Unlock()
	found.settle(ctx)
	if err := found.may(q.caller, writes("contents")); err != nil {
		if !found.sees(q.caller) {
			return graphqlFailure(empty, missing)
		}
		return graphqlFailure(empty, f.problem("FORBIDDEN", messageOf(err)))
	}
	sha, kind, err := found.appendCommit(ctx, q.caller, in)
	if err != nil {
		return graphqlFailure(empty, f.problem(kind, messageOf(err)))
	}
	payload, unknown := found.commitPayload(f, sha, input["clientMutationId"])
	if unknown != nil {
		return unmodeled(unknown)
	}
	return ok(object{"data": object{f.key(): payload}})
}

// readCommitInput checks the input against the schema, and names what is wrong.
func readCommitInput(input map[string]any) (in commitInput, bad string) {
	for key := range input {
		if !slices.Contains([]string{"branch", "expectedHeadOid", "fileChanges", "message", "clientMutationId"}, key) {
			return in, key + " (Field is not defined on CreateCommitOnBranchInput)"
		}
	}
	branch, _ := input["branch"].(map[string]any)
	in.repository, _ = branch["repositoryNameWithOwner"].(string)
	in.branch, _ = branch["branchName"].(string)
	message, _ := input["message"].(map[string]any)
	headline, named := message["headline"].(string)
	body, _ := message["body"].(string)
	in.message = headline
	if body != "" {
		in.message += "\n\n" + body
	}
	in.expected, _ = input["expectedHeadOid"].(string)
	switch {
	case in.repository == "" || in.branch == "":
		return in, "branch (githubtest knows repositoryNameWithOwner with branchName)"
	case !named:
		return in, "message.headline (Expected value to not be null)"
	case !validSHA(in.expected):
		return in, "expectedHeadOid (Could not coerce value to GitObjectID)"
	}
	fileChanges, _ := input["fileChanges"].(map[string]any)
	in.changes, bad = readFileChanges(fileChanges)
	return in, bad
}

// readFileChanges reads additions, which are whole files in base64, and deletions.
func readFileChanges(fileChanges map[string]any) (map[string][]byte, string) {
	changes := map[string][]byte{}
	additions, _ := fileChanges["additions"].([]any)
	for i, item := range additions {
		addition, _ := item.(map[string]any)
		path, _ := addition["path"].(string)
		encoded, named := addition["contents"].(string)
		contents, err := base64.StdEncoding.DecodeString(encoded)
		if path == "" || !named || err != nil {
			return nil, fmt.Sprintf("fileChanges.additions.%d.contents (Could not coerce value to Base64String)", i)
		}
		changes[path] = append([]byte{}, contents...)
	}
	deletions, _ := fileChanges["deletions"].([]any)
	for i, item := range deletions {
		deletion, _ := item.(map[string]any)
		path, _ := deletion["path"].(string)
		if path == "" {
			return nil, fmt.Sprintf("fileChanges.deletions.%d.path (Expected value to not be null)", i)
		}
		changes[path] = nil
	}
	return changes, ""
}

// appendCommit makes the commit and moves the branch to it. When it does not, it
// returns the type of the error too.
func (r *repository) appendCommit(ctx context.Context, c caller, in commitInput) (sha, kind string, err error) {
	head := r.branch(in.branch)
	switch {
	case head == "": // the type and the words are unverified
		return "", "NOT_FOUND", &Error{Status: 422, Message: fmt.Sprintf("No ref named %q was found.", in.branch)}
	case head != in.expected: // [ministryofjustice/modernisation-platform#11985]
		return "", "STALE_DATA", &Error{Status: 422, Message: fmt.Sprintf("Expected branch to point to %q but it did not.  Pull and try again.", in.expected)}
	}
	if sha, err = r.webCommit(ctx, c, in); err != nil {
		return "", "UNPROCESSABLE", err
	}
	err = r.update(ctx, c, move{ref: "refs/heads/" + in.branch, after: sha})
	if err == nil {
		return sha, "", nil
	}
	// A branch protection has a type of its own, a ruleset has not [Thinkmill/keystatic#1559].
	if !strings.HasPrefix(messageOf(err), "Repository rule violations") {
		return "", "BRANCH_PROTECTION_RULE_VIOLATION", err
	}
	return "", "UNPROCESSABLE", err
}

// webCommit writes a commit as GitHub makes them: the author is the caller, the
// committer GitHub, which signs it [docs: about commit signature verification].
// Every file that it writes becomes a regular one, whatever it was [babarot/gh-infra#167].
func (r *repository) webCommit(ctx context.Context, c caller, in commitInput) (string, error) {
	s := r.store()
	parent, err := s.commit(ctx, in.expected)
	if err != nil {
		return "", err
	}
	entries := map[string]entry{}
	for path, contents := range in.changes {
		if contents == nil {
			entries[path] = entry{}
			continue
		}
		blob, err := s.write("blob", contents)
		if err != nil {
			return "", err
		}
		entries[path] = entry{mode: modeRegular, sha: blob}
	}
	tree, err := s.splice(ctx, parent.tree, entries)
	if err == nil {
		tree, err = s.rootTree(tree)
	}
	if err != nil {
		return "", err
	}
	web := signature{name: "GitHub", email: "noreply@github.com", when: r.server.Now()}
	return s.writeSigned(tree, []string{parent.sha}, r.signature(c.account), web, in.message)
}

// webSignature stands for a signature with GitHub's own key.
const webSignature = `-----BEGIN PGP SIGNATURE-----

githubtest+signed+this+with+no+key+at+all=
-----END PGP SIGNATURE-----
`

// writeSigned stores a commit with GitHub's signature, for which it vouches.
func (s *store) writeSigned(tree string, parents []string, author, committer signature, message string) (string, error) {
	unsigned := formatCommit(tree, parents, author, committer, message)
	header, text, _ := strings.Cut(unsigned, "\n\n")
	indented := strings.ReplaceAll(strings.TrimSuffix(webSignature, "\n"), "\n", "\n ")
	sha, err := s.write("commit", []byte(header+"\ngpgsig "+indented+"\n\n"+text))
	s.vouched[sha] = true
	return sha, err
}

// AddSigningKey adds the public half of an SSH key to somebody's account: commits
// that are signed with it are verified from then on. Whose account is not looked at.
func (s *Server) AddSigningKey(public string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.signers = append(s.signers, "* namespaces=\"git\" "+strings.TrimSpace(public))
}

// verification is the schema verification: GitHub vouches for what it signed
// itself, and for the keys that people gave it.
func (r *repository) verification(ctx context.Context, c *commit) object {
	v := object{"verified": false, "reason": "unsigned", "signature": nil, "payload": nil, "verified_at": nil}
	if !c.signed {
		return v
	}
	_, data, err := r.store().read(ctx, c.sha)
	payload, signature := splitSigned(string(data))
	v["signature"], v["payload"], v["reason"] = signature, payload, "unknown_key"
	if err == nil && (r.store().vouched[c.sha] || r.signedByKnown(ctx, c)) {
		v["verified"], v["reason"], v["verified_at"] = true, "valid", stamp(c.committer.when)
	}
	return v
}

// splitSigned parts a commit from its signature.
func splitSigned(text string) (payload, signature string) {
	before, after, _ := strings.Cut(text, "\ngpgsig ")
	signature, rest, _ := strings.Cut(after, "\n\n")
	return before + "\n\n" + rest, strings.ReplaceAll(signature, "\n ", "\n") + "\n"
}

// signedByKnown has git check a signature against the keys that were added.
func (r *repository) signedByKnown(ctx context.Context, c *commit) bool {
	r.server.mu.Lock()
	signers := strings.Join(r.server.signers, "\n") + "\n"
	r.server.mu.Unlock()
	file, err := os.CreateTemp(r.server.dir, "signers-")
	if err != nil {
		return false
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.WriteString(signers)
	if errors.Join(err, file.Close(), r.flush(ctx)) != nil {
		return false
	}
	_, err = runGit(ctx, r.server.git, r.dir, nil, "-c", "gpg.ssh.allowedSignersFile="+file.Name(), "verify-commit", c.sha)
	return err == nil
}

// commitPayload answers with what was selected of the new commit.
func (r *repository) commitPayload(f field, sha string, mutationID any) (object, []field) {
	payload := object{}
	for _, inner := range f.fields {
		switch inner.name {
		case "clientMutationId":
			payload[inner.key()] = mutationID
		case "commit":
			commit := object{}
			for _, part := range inner.fields {
				switch part.name {
				case "oid":
					commit[part.key()] = sha
				case "url":
					commit[part.key()] = r.html("/commit/" + sha)
				default:
					return nil, inner.fields
				}
			}
			payload[inner.key()] = commit
		default:
			return nil, f.fields
		}
	}
	return payload, nil
}
