// Package githubtest is a GitHub that runs in the process that uses it, in the
// way of [net/http/httptest]: REST, a little GraphQL, and Git over smart HTTP,
// in front of real bare repositories.
//
//	server, err := githubtest.New(githubtest.Options{})
//	if err != nil { … }
//	defer server.Close()
//	token := server.CreateUser("alice")
//	repository, err := server.CreateRepository(ctx, "acme/config", githubtest.RepositoryOptions{})
//	…
//	repository.SetPermission("alice", githubtest.Write)
//	repository.Commit(ctx, "main", "first", map[string]string{"a.yaml": "a: 1\n"})
//
// Its URLs are those of a GitHub Enterprise Server: the REST API under
// /api/v3, GraphQL at /api/graphql, repositories at /OWNER/NAME.git.
//
// It guarantees:
//
//   - The repositories are real: bare repositories that git serves and pushes go
//     into, and whose packs and objects git checks. What Git sees is what the API
//     says. For speed they are written when git is first to see them, and what the
//     API needs of history and differences is worked out here; tests hold that
//     against git's own answers. A rejected push leaves nothing behind.
//   - One piece of code does a thing, whoever asks: a REST request, GraphQL, a
//     push, or a method of [Repository]. Permissions and branch rules hold for
//     all of them.
//   - Every change of a ref is in [Server.Log], which only grows.
//   - Answers have the shape of GitHub's published OpenAPI description: every
//     required field is there, with its type.
//   - Nothing happens by itself: time stands still until [Server.Advance] (unless
//     Options.Now says otherwise), and there is no randomness.
//   - It is safe for concurrent use. What belongs to one repository happens one
//     at a time.
//
// Every modeled behavior carries a comment with its source: a page of
// docs.github.com, a schema of GitHub's OpenAPI description, or an issue in
// which someone saw it. Where no source was found the comment says "unverified";
// a client must not depend on such a detail.
//
// It does not: send webhooks, run Actions, keep CODEOWNERS, deployments, merge
// queues, or what teams may do (it lists their members); check OpenPGP signatures; follow renames in merges; hash with SHA-256; or serve other GraphQL than viewer,
// the rules of a branch that REST leaves out, updateRefs and createCommitOnBranch, which it says in the answer. A path that it
// does not know is answered with 404.
//
// It needs the git binary, version 2.30 or newer, and nothing else.
package githubtest
