package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/getpawl/pawl/pkg/cli"
	"github.com/getpawl/pawl/pkg/demo"
)

// serverURL is the address of the demo's server, which differs each time.
var serverURL = regexp.MustCompile(`http://127\.0\.0\.1:[0-9]+`)

// consoles runs the commands of a page, in their order, against the demo's
// repository, and returns the page with their real output. A page has
//
//   - ```console blocks, in which a line "$ pawl …" is a command and the lines
//     below it, up to the next command, are its output. A command that ends with
//     an exit code other than 0 has it in a comment: "$ pawl …  # exits 3";
//   - comments <!-- page: N -->, each before a block between ````, which gets the
//     description of that pull request;
//   - comments <!-- act: … -->, which say what others do meanwhile (see
//     [demo.World.Act]) and are not shown.
//
// Each page starts from a fresh repository.
func consoles(ctx context.Context, path string) ([]byte, error) {
	page, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if !bytes.Contains(page, []byte("```console\n")) {
		return page, nil
	}
	// Every page begins at the same time, so that its commits are the same each time.
	world, err := demo.Open(ctx, "", time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC))
	if err != nil {
		return nil, err
	}
	out, err := perform(ctx, world, string(page))
	return []byte(out), errors.Join(err, world.Close())
}

func perform(ctx context.Context, world *demo.World, page string) (string, error) {
	var out strings.Builder
	inside, stale := false, 0
	for line := range strings.Lines(page) {
		text := strings.TrimRight(line, "\n")
		switch {
		case stale > 0: // the block that is written anew
			if strings.HasPrefix(text, pageFence) {
				stale--
			}
		case !inside && strings.HasPrefix(text, "<!-- page: "):
			block, err := pageBlock(ctx, world, text)
			if err != nil {
				return "", err
			}
			out.WriteString(line + "\n" + block)
			stale = 2
		case !inside && strings.HasPrefix(text, "<!-- act: "):
			act := strings.TrimSuffix(strings.TrimPrefix(text, "<!-- act: "), " -->")
			if err := world.Act(ctx, act); err != nil {
				return "", err
			}
			out.WriteString(line)
		case !inside && text == "```console":
			inside = true
			out.WriteString(line)
		case inside && text == "```":
			inside = false
			out.WriteString(line)
		case inside && strings.HasPrefix(text, "$ "):
			result, err := command(ctx, world, text)
			if err != nil {
				return "", err
			}
			out.WriteString(line + result)
		case !inside:
			out.WriteString(line)
		}
	}
	return out.String(), nil
}

// pageFence is longer than any fence in the description of a pull request here.
const pageFence = "````"

// pageBlock shows the description of the pull request that a comment names.
func pageBlock(ctx context.Context, world *demo.World, comment string) (string, error) {
	var number int
	if _, err := fmt.Sscanf(comment, "<!-- page: %d -->", &number); err != nil {
		return "", fmt.Errorf("reading %q: %w", comment, err)
	}
	page, err := world.Page(ctx, number)
	if err != nil {
		return "", fmt.Errorf("reading %q: %w", comment, err)
	}
	page = serverURL.ReplaceAllString(page, "https://github.com")
	return pageFence + "markdown\n" + page + "\n" + pageFence + "\n", nil
}

// command runs one line of a console and returns what it printed.
func command(ctx context.Context, world *demo.World, text string) (string, error) {
	line, comment, _ := strings.Cut(strings.TrimPrefix(text, "$ "), "  # exits ")
	want := 0
	if comment != "" {
		if _, err := fmt.Sscan(comment, &want); err != nil {
			return "", fmt.Errorf("reading the exit code of %q: %w", text, err)
		}
	}
	if !strings.HasPrefix(line, "pawl ") {
		return "", fmt.Errorf("%q is not a pawl command", line)
	}
	var out bytes.Buffer
	main := func(ctx context.Context, args []string, env demo.Env) int {
		return cli.Main(ctx, args, cli.Host{Out: env.Out, Err: env.Err, Getenv: env.Getenv, Now: env.Now, Dir: env.Dir})
	}
	if code := world.Run(ctx, main, line, demo.Env{Out: &out, Err: &out}); code != want {
		return "", fmt.Errorf("%q exited with %d, want %d:\n%s", line, code, want, out.String())
	}
	return serverURL.ReplaceAllString(out.String(), "https://github.com"), nil
}
