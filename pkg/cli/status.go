package cli

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/promotion"
)

func (a *app) statusCommand() *cobra.Command {
	var repo string
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show images and environments: what runs where, and what waits for what",
		Long: `Status shows every environment's commit, how far it is behind the one before,
the open promotion and what it waits for, and the version of every image in every
environment. It reads from Git and the API only, never from a cluster.`,
		Example: `  pawl status
  pawl status --repo acme/config -o markdown`,
		Args:              withUsage(cobra.NoArgs),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.status(cmd.Context(), repo) },
	}
	repoFlag(cmd, &repo)
	exits(cmd, ExitTransient, ExitAccess)
	return cmd
}

func (a *app) status(ctx context.Context, repo string) error {
	ctx, cancel := a.bound(ctx)
	defer cancel()
	source, err := a.source(ctx, repo, false)
	if err != nil {
		return err
	}
	report, err := promotion.Status(ctx, source)
	if err != nil {
		return err
	}
	return a.print(report)
}
