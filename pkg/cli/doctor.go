package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/doctor"
	"github.com/getpawl/pawl/pkg/git"
)

func (a *app) doctorCommand() *cobra.Command {
	var flags doctorFlags
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Audit the token, the branch rules and the tree, and say how to fix them",
		Long: `Doctor looks at what the other commands rest on: whose token this is and what it
may do, the rules of each environment's branch and who may bypass them, the merge
buttons, the checks that rules require, the order of the branches, the files at
their heads, and the git program of this machine. It changes nothing. Each finding
says why it matters and what exactly to do. What the token may not look at is
listed as not checked; with an administrator's token all of it can be seen.

It exits with 4 when there is an error among the findings.

--rulesets prints the rules that it wants to see as bodies for GitHub's API, and
--apply creates or updates them, which takes an administrator's token. They are
found again by their names; other rulesets are left alone.`,
		Example: `  pawl doctor
  pawl doctor --app acme-pawl -o markdown
  pawl doctor --rulesets --app acme-pawl
  pawl doctor --apply --app acme-pawl --dry-run`,
		Args:              withUsage(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.doctor(cmd.Context(), flags) },
	}
	cmd.Flags().StringVar(&flags.app, "app", "", "the GitHub `APP` that merges: its short name or its number (default: the App whose token this is)")
	cmd.Flags().BoolVar(&flags.rulesets, "rulesets", false, "print the rulesets, as a JSON list of bodies for POST /repos/OWNER/NAME/rulesets")
	cmd.Flags().BoolVar(&flags.apply, "apply", false, "create or update the rulesets")
	cmd.Flags().BoolVar(&flags.dryRun, "dry-run", false, "with --apply: say what would be done, and stop")
	a.complete(cmd, "app")
	repoFlag(cmd, &flags.repo)
	exits(cmd, ExitRefused, ExitTransient, ExitAccess)
	return cmd
}

// doctorFlags are what the command line of doctor says.
type doctorFlags struct {
	repo, app               string
	rulesets, apply, dryRun bool
}

func (a *app) doctor(ctx context.Context, flags doctorFlags) error {
	if flags.dryRun && !flags.apply || flags.rulesets && flags.apply {
		return usagef("pawl doctor --apply --dry-run", "--dry-run goes with --apply, and --rulesets without it")
	}
	ctx, cancel := a.bound(ctx)
	defer cancel()
	source, err := a.doctorSource(ctx, flags)
	if err != nil {
		return err
	}
	switch {
	case flags.rulesets:
		return a.printRulesets(ctx, source)
	case flags.apply:
		return a.applyRulesets(ctx, source, flags.dryRun)
	}
	report, err := doctor.Audit(ctx, source)
	if err != nil {
		return err
	}
	return errors.Join(report.Err(), a.print(report))
}

// doctorSource connects to the repository and to its settings.
func (a *app) doctorSource(ctx context.Context, flags doctorFlags) (doctor.Source, error) {
	l, err := a.locate(ctx, flags.repo)
	if err != nil {
		return doctor.Source{}, err
	}
	if flags.apply && !flags.dryRun && !l.canCallAPI() {
		return doctor.Source{}, errNoToken{}
	}
	source, client, err := a.connect(l, false)
	if err != nil {
		return doctor.Source{}, err
	}
	version, missing := git.ProgramVersion(ctx, a.workdir())
	return doctor.Source{Source: source, Admin: client, App: flags.app, Now: a.host.Now(), Program: version, NoProgram: missing}, nil
}

// printRulesets prints the bodies alone, for other programs to send.
func (a *app) printRulesets(ctx context.Context, source doctor.Source) error {
	rulesets, err := doctor.Rulesets(ctx, source)
	if err != nil {
		return err
	}
	data, err := json.MarshalIndent(rulesets, "", "  ")
	if err == nil {
		_, err = fmt.Fprintf(a.host.Out, "%s\n", data)
	}
	if err != nil {
		return fmt.Errorf("printing the rulesets: %w", err)
	}
	return nil
}

func (a *app) applyRulesets(ctx context.Context, source doctor.Source, dryRun bool) error {
	plan, err := doctor.PlanRulesets(ctx, source)
	if err != nil {
		return err
	}
	if plan.DryRun = dryRun; !dryRun {
		if err := plan.Apply(ctx, source); err != nil {
			return err
		}
	}
	return a.print(plan)
}
