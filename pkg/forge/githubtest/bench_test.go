package githubtest_test

import (
	"fmt"
	"testing"

	"github.com/getpawl/pawl/pkg/forge/githubtest"
)

// BenchmarkRepository measures what a test pays for a repository with three
// branches.
func BenchmarkRepository(b *testing.B) {
	server, err := githubtest.New(githubtest.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	ctx := b.Context()
	for i := 0; b.Loop(); i++ {
		repo, err := server.CreateRepository(ctx, fmt.Sprintf("acme/r%d", i), githubtest.RepositoryOptions{DefaultBranch: "dev"})
		if err != nil {
			b.Fatal(err)
		}
		sha, err := repo.Commit(ctx, "dev", "first", map[string]string{"base/a.yaml": "a: 1\n", "dev/k.yaml": "b: 2\n"})
		if err != nil {
			b.Fatal(err)
		}
		for _, branch := range []string{"staging", "production"} {
			if err := repo.Branch(ctx, branch, sha); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkServer measures starting and stopping.
func BenchmarkServer(b *testing.B) {
	for b.Loop() {
		server, err := githubtest.New(githubtest.Options{})
		if err != nil {
			b.Fatal(err)
		}
		server.Close()
	}
}
