package cli

import (
	"context"
	"errors"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/demo"
	"github.com/getpawl/pawl/pkg/output"
)

func (a *app) demoCommand() *cobra.Command {
	var keep bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Walk through a whole promotion against an embedded GitHub",
		Long: `Demo starts a GitHub of its own on this machine, with a config repository of three
environments, and takes a release from dev to production with the real commands.
It needs git, and neither a token nor a network. Nothing is left behind, unless
--keep is given: then the server runs on until Ctrl-C, for you to go on by hand.`,
		Example: `  pawl demo
  pawl demo --keep`,
		Args:              withUsage(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.demo(cmd.Context(), keep) },
	}
	cmd.Flags().BoolVar(&keep, "keep", false, "leave the server running and the clone on disk, until Ctrl-C")
	exits(cmd)
	return cmd
}

func (a *app) demo(ctx context.Context, keep bool) error {
	if _, err := exec.LookPath("git"); err != nil {
		return usagef("install git", "the demo runs a Git server, and git is not installed")
	}
	world, err := demo.Open(ctx, "", a.host.Now())
	if err != nil {
		return err
	}
	style := a.style(a.host.Out)
	err = world.Tour(ctx, demoMain(style), a.host.Out, style)
	if err == nil && keep {
		a.stay(ctx, world)
	}
	return errors.Join(err, world.Close())
}

// stay leaves the world to the user until they have had enough.
func (a *app) stay(ctx context.Context, world *demo.World) {
	printer := output.NewPrinter(a.host.Out, output.Style{})
	printer.Line("\nThe server runs on. In another terminal:\n")
	printer.Line("  cd %s", world.Clone)
	for _, export := range world.Exports() {
		printer.Line("  export %s", export)
	}
	printer.Line("\nTo approve pull request 5, as octocat:\n")
	printer.Line(`  curl -H "Authorization: Bearer $OCTOCAT_TOKEN" -d '{"event":"APPROVE"}' $GITHUB_API_URL/repos/%s/pulls/5/reviews`, demo.Name)
	printer.Line("\nCtrl-C here stops the server and removes everything.")
	<-ctx.Done()
}

// demoMain runs pawl itself in the demo's world.
func demoMain(style output.Style) demo.Main {
	return func(ctx context.Context, args []string, env demo.Env) int {
		if style.Color {
			args = append([]string{"--color=always"}, args...)
		}
		return Main(ctx, args, Host{Out: env.Out, Err: env.Err, Getenv: env.Getenv, Now: env.Now, Dir: env.Dir})
	}
}
