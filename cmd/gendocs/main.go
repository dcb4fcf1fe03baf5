// Command gendocs writes what in the documentation comes from the program: the
// reference of the commands, the JSON Schemas, the pictures of terminals, and the
// output of the commands that are shown in README.md and docs. It is not shipped.
//
// Run it from the root of the repository, or with go generate ./...
package main

//go:generate go run . -C ../..

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/getpawl/pawl/pkg/cli"
	"github.com/getpawl/pawl/pkg/config"
)

func main() {
	root := flag.String("C", ".", "the root of the repository")
	flag.Parse()
	if err := run(context.Background(), *root); err != nil {
		fmt.Fprintln(os.Stderr, "gendocs:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string) error {
	files, err := generate(ctx, root)
	if err != nil {
		return err
	}
	for name, content := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// generate returns every generated file by its name. It writes nothing, so that
// a test can compare the result with what is committed.
func generate(ctx context.Context, root string) (map[string][]byte, error) {
	files := map[string][]byte{"docs/reference/config.schema.json": config.Schema()}
	tree := cli.Tree()
	tree.DisableAutoGenTag = true
	if err := reference(tree, files); err != nil {
		return nil, err
	}
	files["docs/reference/exit-codes.md"] = exitCodes()
	if err := reportSchemas(files); err != nil {
		return nil, err
	}
	if err := pictures(ctx, files); err != nil {
		return nil, err
	}
	pages, err := markdown(root)
	if err != nil {
		return nil, err
	}
	for _, page := range pages {
		content, err := consoles(ctx, filepath.Join(root, page))
		if err != nil {
			return nil, fmt.Errorf("running the commands of %s: %w", page, err)
		}
		files[page] = content
	}
	return files, nil
}

// reference adds a page for each command.
func reference(cmd *cobra.Command, files map[string][]byte) error {
	if !cmd.IsAvailableCommand() && cmd.HasParent() || cmd.Name() == "completion" || cmd.Name() == "help" {
		return nil
	}
	var page bytes.Buffer
	if err := doc.GenMarkdown(cmd, &page); err != nil {
		return fmt.Errorf("documenting %s: %w", cmd.CommandPath(), err)
	}
	name := strings.ReplaceAll(cmd.CommandPath(), " ", "_")
	files["docs/reference/"+name+".md"] = exitsAsCode(page.Bytes())
	for _, child := range cmd.Commands() {
		if err := reference(child, files); err != nil {
			return err
		}
	}
	return nil
}

// exitsAsCode puts the list of exit codes into a code block, where its columns
// survive.
func exitsAsCode(page []byte) []byte {
	before, rest, found := bytes.Cut(page, []byte("Exit codes:\n\n"))
	if !found {
		return page
	}
	list, after, _ := bytes.Cut(rest, []byte("\n\n"))
	return slices.Concat(before, []byte("Exit codes:\n\n```\n"), list, []byte("\n```\n\n"), after)
}

func exitCodes() []byte {
	var b bytes.Buffer
	b.WriteString("# Exit codes\n\nThe codes are frozen. A code that is not listed means failure.\n\n| code | meaning |\n| --- | --- |\n")
	for _, code := range []int{cli.ExitDone, cli.ExitError, cli.ExitUsage, cli.ExitWaiting, cli.ExitRefused, cli.ExitTransient, cli.ExitAccess, cli.ExitInterrupted} {
		fmt.Fprintf(&b, "| %d | %s |\n", code, cli.ExitMeaning(code))
	}
	b.WriteString("\nIn a pipeline, 3 and 5 mean “try again later”; 4 and 6 mean “tell a person”.\n")
	b.WriteString(`
A command that does several things, such as ` + "`pawl merge --all`" + `, exits with the gravest of
their codes. From the gravest to the mildest: 130, 2, 6, 4, 5, 1, 3, 0. What a person must
look at comes before what goes away by itself.

` + "`pawl status`" + ` exits with 0 when it could show the environments, whatever they are like. With
` + "`--exit-code`" + ` it judges them:

| code | of the environments that are shown |
| --- | --- |
| 0 | each is up to date with the one before |
| 3 | one has something to promote, or its open promotion waits or is ready |
| 4 | the open promotion into one is blocked, one diverged, or one has no branch |
| 5, 6 | what this depends on could not be read: for the moment, or for lack of permission |
`)
	return b.Bytes()
}

// markdown lists the pages that people write.
func markdown(root string) ([]string, error) {
	pages := []string{"README.md"}
	for _, pattern := range []string{"docs/*.md", "docs/how-to/*.md", "docs/explanation/*.md"} {
		found, err := filepath.Glob(filepath.Join(root, pattern))
		if err != nil {
			return nil, err
		}
		for _, name := range found {
			rel, err := filepath.Rel(root, name)
			if err != nil {
				return nil, err
			}
			pages = append(pages, filepath.ToSlash(rel))
		}
	}
	return pages, nil
}
