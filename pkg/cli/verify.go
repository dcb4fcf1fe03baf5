package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/promotion"
)

func (a *app) verifyCommand() *cobra.Command {
	var flags verifyFlags
	cmd := &cobra.Command{
		Use:   "verify [PR]",
		Short: "Say whether a pull request is an allowed promotion and its gates pass",
		Long: `Verify evaluates the gates of a promotion at the head of its pull request:
whether it is an allowed promotion, whether the branch can be fast-forwarded to
it, whether its commit was head of the environment before, and whatever else the
configuration of the target branch asks for.

PR is a number or the address of a pull request. In a GitHub Actions job of a
pull request it is known.

It needs no checkout, runs nothing from the pull request, and a read-only token
suffices. With --status it also publishes the verdict as the commit status
pawl/ENVIRONMENT, which a branch rule can require; that takes a token that may
write commit statuses.

With --record it writes the facts that the gates looked at to a file, and with
--snapshot it evaluates such a file: the same verdict, byte for byte, without a
token and without a network.`,
		Example: `  pawl verify 12
  pawl verify https://github.com/acme/config/pull/12 -o json
  pawl verify --status
  pawl verify 12 --record facts.json
  pawl verify --snapshot facts.json`,
		Args:              withUsage(cobra.MaximumNArgs(1)),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			if flags.snapshot != "" {
				return a.replay(args, flags)
			}
			number, err := a.pullRequest(args, &flags.repo)
			if err != nil {
				return err
			}
			return a.verify(cmd.Context(), flags, number)
		},
	}
	cmd.Flags().BoolVar(&flags.publish, "status", false, "publish the verdict as the commit status pawl/ENVIRONMENT")
	recordFlag(cmd, &flags.record)
	cmd.Flags().StringVar(&flags.snapshot, "snapshot", "", "evaluate the facts that --record wrote to `FILE`, without asking anybody")
	repoFlag(cmd, &flags.repo)
	exits(cmd, ExitWaiting, ExitRefused, ExitTransient, ExitAccess)
	return cmd
}

// verifyFlags are what the command line of verify says.
type verifyFlags struct {
	repo     string
	publish  bool
	record   string
	snapshot string
}

// recordFlag adds --record.
func recordFlag(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "record", "", "write the facts that the gates looked at to `FILE`, for: pawl verify --snapshot FILE")
}

func (a *app) verify(ctx context.Context, flags verifyFlags, number int) error {
	ctx, cancel := a.bound(ctx)
	defer cancel()
	source, err := a.source(ctx, flags.repo, flags.publish)
	if err != nil {
		return err
	}
	report, err := promotion.Verify(ctx, source, number)
	if err != nil {
		return err
	}
	problem := errors.Join(report.Err(), a.record(report, flags.record))
	if flags.publish {
		problem = errors.Join(problem, report.Publish(ctx, source, cmp.Or(a.runner().Page(), report.URL)))
	}
	return a.verified(report, problem)
}

func (a *app) verified(report *promotion.Verification, problem error) error {
	return errors.Join(problem, a.print(report), a.outputs("state", string(report.State), "environment", report.To, "commit", report.Commit))
}

// replay evaluates a record.
func (a *app) replay(args []string, flags verifyFlags) error {
	if len(args) > 0 || flags.publish || flags.record != "" || flags.repo != "" {
		return usagef("pawl verify --snapshot FILE", "--snapshot goes alone: the file says which pull request it is, and nothing is asked or published")
	}
	data, err := os.ReadFile(a.path(flags.snapshot))
	if err != nil {
		return usagef("", "reading the snapshot: %v", err)
	}
	report, err := promotion.Replay(data)
	if err != nil {
		return err
	}
	return a.verified(report, report.Err())
}

// record writes the facts of a verification to a file, if one is named. They quote
// the pull request, which may be nobody else's business.
func (a *app) record(report *promotion.Verification, file string) error {
	if file == "" {
		return nil
	}
	data, err := report.Record()
	if err != nil {
		return err
	}
	if err := os.WriteFile(a.path(file), data, 0o600); err != nil {
		return fmt.Errorf("writing the record: %w", err)
	}
	return nil
}

// path is where a file of the command line is.
func (a *app) path(file string) string {
	if filepath.IsAbs(file) {
		return file
	}
	return filepath.Join(a.workdir(), file)
}

// pullRequest reads which pull request is meant from the argument, else from the
// run's event. An address names the repository as well.
func (a *app) pullRequest(args []string, repo *string) (int, error) {
	if len(args) == 1 {
		number, ok, err := a.parsePullRequest(args[0], repo)
		if err == nil && !ok {
			err = usagef("give its number, such as 12, or its address", "%q is not a pull request", args[0])
		}
		return number, err
	}
	number, ok, err := a.runner().PullRequest()
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, usagef("give its number, such as: pawl verify 12", "which pull request is meant?")
	}
	return number, nil
}

// parsePullRequest reads 12, #12, or the address of a pull request, which must be
// on the server that pawl talks to: no argument decides where the token goes.
func (a *app) parsePullRequest(arg string, repo *string) (int, bool, error) {
	if !strings.Contains(arg, "://") {
		number, err := strconv.Atoi(strings.TrimPrefix(arg, "#"))
		return number, err == nil && number > 0, nil
	}
	path, ok := strings.CutPrefix(arg, a.server()+"/")
	parts := strings.Split(path, "/")
	if !ok || len(parts) < 4 || parts[2] != "pull" {
		return 0, false, usagef("give its number, or its address on that server", "%q is not a pull request on %s", arg, a.server())
	}
	slug := parts[0] + "/" + parts[1]
	if *repo != "" && !strings.EqualFold(*repo, slug) {
		return 0, false, usagef("leave out --repo: the address names the repository", "%q is not in %s", arg, *repo)
	}
	digits := strings.FieldsFunc(parts[3], func(r rune) bool { return r == '#' || r == '?' })
	if len(digits) == 0 {
		return 0, false, nil
	}
	number, err := strconv.Atoi(digits[0])
	if err != nil || number <= 0 {
		return 0, false, nil
	}
	*repo = slug
	return number, true, nil
}

// outputs gives later steps of a GitHub Actions job names and values.
func (a *app) outputs(pairs ...string) error {
	runner := a.runner()
	for i := 0; i+1 < len(pairs); i += 2 {
		if err := runner.SetOutput(pairs[i], pairs[i+1]); err != nil {
			return fmt.Errorf("setting outputs: %w", err)
		}
	}
	return nil
}
