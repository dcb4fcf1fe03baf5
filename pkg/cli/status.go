package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/getpawl/pawl/pkg/output"
	"github.com/getpawl/pawl/pkg/promotion"
)

// statusFlags are what the command line of status says.
type statusFlags struct {
	repo    string
	options promotion.StatusOptions
	judge   bool
	watch   time.Duration
}

func (a *app) statusCommand() *cobra.Command {
	var flags statusFlags
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show images and environments: what runs where, and what waits for what",
		Long: `Status shows the version of every image in every environment, the commit of each
environment and since when it is there, how far it is behind the one before, and
the one thing that the open promotion waits for most, with the command to type
next. It reads from Git and the API only, never from a cluster.

Images that differ between environments come first, the one that moved last on
top. Above fifty images, those that are the same everywhere are counted, and those
with the same versions share a line.

All branches are read at one moment. What cannot be read is shown as unknown, with
the reason. "Moved" is when the branch came to its commit, by GitHub's record of
moves or the merged promotion; the dates in a commit are never taken for it.

Without --exit-code it exits with 0 when it could show the environments, whatever
they are like. With --exit-code: 0 if every environment is up to date with the one
before, 3 if there is something to promote or a promotion waits, 4 if a promotion
is blocked, branches diverged or one is missing, and 5 or 6 if something that this
depends on could not be read, for the moment or for lack of permission. The gravest
of these counts. An unknown age alone changes nothing.

With --watch it shows the board again and again on a terminal, until it is
interrupted, which is its normal end: exit code 0. A look that fails for a moment
leaves the board as it is and is repeated.`,
		Example: `  pawl status
  pawl status --behind --image 'ghcr.io/acme/*'
  pawl status --env production --exit-code
  pawl status --watch=1m
  pawl status --repo acme/config -o markdown`,
		Args:              withUsage(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.status(cmd.Context(), flags) },
	}
	cmd.Flags().StringArrayVar(&flags.options.Images, "image", nil, "only images whose name, or its last part, matches `GLOB` (repeatable)")
	cmd.Flags().StringArrayVar(&flags.options.Environments, "env", nil, "only the environment `ENV` (repeatable)")
	_ = cmd.RegisterFlagCompletionFunc("env", a.completeEnvironmentFlag)
	cmd.Flags().BoolVar(&flags.options.Behind, "behind", false, "only images whose version differs from the one in the environment before")
	cmd.Flags().BoolVar(&flags.judge, "exit-code", false, "exit with 0 only if everything is up to date: see above")
	cmd.Flags().DurationVar(&flags.watch, "watch", 0, "show it again and again, this long apart; 10s at least")
	cmd.Flags().Lookup("watch").NoOptDefVal = defaultWatch.String()
	repoFlag(cmd, &flags.repo)
	exits(cmd, ExitWaiting, ExitRefused, ExitTransient, ExitAccess)
	return cmd
}

func (a *app) status(ctx context.Context, flags statusFlags) error {
	width, terminal := terminalWidth(a.host.Out)
	flags.options.Width = width
	if err := a.checkWatch(flags, terminal); err != nil {
		return err
	}
	source, err := a.statusSource(ctx, flags)
	if err != nil {
		return err
	}
	look := func(ctx context.Context) (*promotion.StatusReport, error) {
		ctx, cancel := a.bound(ctx)
		defer cancel()
		return promotion.Status(ctx, source, flags.options)
	}
	if flags.watch != 0 {
		return a.watch(ctx, flags.watch, look)
	}
	report, err := look(ctx)
	if err != nil {
		return err
	}
	err = a.print(report)
	if flags.judge {
		err = errors.Join(report.Err(), err)
	}
	return err
}

func (a *app) statusSource(ctx context.Context, flags statusFlags) (promotion.Source, error) {
	ctx, cancel := a.bound(ctx)
	defer cancel()
	return a.pollingSource(ctx, flags.repo, false, flags.watch != 0)
}

// How often --watch looks: every half a minute, and not more often than every ten
// seconds. A look whose answers still hold does not count against GitHub's limits.
const (
	defaultWatch = 30 * time.Second
	leastWatch   = 10 * time.Second
)

func (a *app) checkWatch(flags statusFlags, terminal bool) error {
	switch {
	case flags.watch == 0:
		return nil
	case flags.watch < leastWatch:
		return usagef("give at least "+leastWatch.String()+", such as --watch=30s", "--watch: %s is too often", flags.watch)
	case flags.judge:
		return usagef("", "--watch and --exit-code exclude each other: a watch ends when it is interrupted")
	case a.format != string(output.Text) || !terminal:
		return usagef("leave out --watch, and run pawl status again later", "--watch is for a terminal, and for -o text")
	}
	return nil
}

// watch shows the board again and again. What fails for a moment is told below the
// last board; everything else ends it.
func (a *app) watch(ctx context.Context, interval time.Duration, look func(context.Context) (*promotion.StatusReport, error)) error {
	var board string
	for ctx.Err() == nil {
		report, err := look(ctx)
		foot := ""
		switch {
		case ctx.Err() != nil:
			return nil
		case err == nil:
			var text strings.Builder
			if err := output.Write(&text, output.Text, report, a.style(a.host.Out)); err != nil {
				return err
			}
			board = text.String()
		case exitCode(ctx, err) != ExitTransient:
			return err
		default:
			foot = "\nthis is from before, since the last look failed: " + output.Clean(err.Error()) + "\n"
		}
		// To the top left, the text with the rest of each line cleared, and what is below.
		// https://invisible-island.net/xterm/ctlseqs/ctlseqs.html
		screen := "\x1b[H" + strings.ReplaceAll(board+foot, "\n", "\x1b[K\n") + "\x1b[J"
		if _, err := io.WriteString(a.host.Out, screen); err != nil {
			return fmt.Errorf("writing the board: %w", err)
		}
		if err := a.host.Sleep(ctx, interval); err != nil {
			break
		}
	}
	return nil
}

// terminalWidth returns how many columns a terminal has; 0 and false for what is none.
func terminalWidth(w io.Writer) (int, bool) {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return 0, false
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		return 0, true
	}
	return width, true
}
