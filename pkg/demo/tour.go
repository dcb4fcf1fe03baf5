package demo

import (
	"context"
	"fmt"
	"io"

	"github.com/getpawl/pawl/pkg/output"
)

// step is one moment of the tour: something is said, then others act, then a
// command runs and must end with the exit code given.
type step struct {
	say  string
	act  string
	run  string
	exit int
}

func tour() []step {
	return []step{
		{say: "A config repository: kustomize base and overlays, a Helm chart. What images are there?",
			run: "pawl images"},
		{say: "CI built api 1.4.2. Set it on dev: one commit, pushed, and nothing changes but the version.",
			run: "pawl bump ghcr.io/acme/api:1.4.2 --env dev --push --diff"},
		{say: "What runs where?",
			run: "pawl status"},
		{say: "Promote it to staging: a pull request, pinned to that commit.",
			run: "pawl promote staging"},
		{say: "Is it an allowed promotion, and do its gates pass? The tests have not reported yet.",
			run: "pawl verify 1", exit: 3},
		{say: "So it cannot land. Exit code 3: waiting.",
			run: "pawl merge staging", exit: 3},
		{say: "The tests pass on dev.", act: "check dev ci/test"},
		{say: "Now the branch is fast-forwarded to exactly that commit, and GitHub shows the pull request as merged.",
			run: "pawl merge staging"},
		{say: "On to production.",
			run: "pawl promote production"},
		{say: "Meanwhile the next release goes to staging.",
			run: "pawl bump ghcr.io/acme/web:2.1.0 --env dev --push"},
		{act: "check dev ci/test", run: "pawl promote staging"},
		{run: "pawl merge staging"},
		{say: "Promote that one to production instead: the older promotion is closed with a pointer to it …",
			run: "pawl promote production"},
		{say: "… and cannot land any more. Exit code 4: refused.",
			run: "pawl merge 2", exit: 4},
		{say: "Flux reports that staging is healthy, and octocat approves.", act: "check staging flux/staging/apps"},
		{act: "approve 4 octocat",
			run: "pawl merge production"},
		{say: "One commit in all three environments.",
			run: "pawl status"},
	}
}

// Tour walks the tour and shows every command as a user would type it, with its
// real output. A command that does not end as it should ends the tour.
func (w *World) Tour(ctx context.Context, main Main, out io.Writer, style output.Style) error {
	printer := output.NewPrinter(out, style)
	for _, each := range tour() {
		if each.say != "" {
			printer.Line("\n%s", style.Bold("# "+each.say))
		}
		if each.act != "" {
			if err := w.Act(ctx, each.act); err != nil {
				return fmt.Errorf("walking the tour: %s: %w", each.act, err)
			}
		}
		if each.run == "" {
			continue
		}
		printer.Line("\n%s", style.Cyan("$ "+each.run))
		code := w.Run(ctx, main, each.run, Env{Out: out, Err: out})
		if code != each.exit {
			return fmt.Errorf("walking the tour: %q exited with %d, not %d", each.run, code, each.exit)
		}
	}
	return nil
}
