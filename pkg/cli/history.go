package cli

import (
	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/promotion"
)

func (a *app) historyCommand() *cobra.Command {
	var (
		options promotion.HistoryOptions
		repo    string
	)
	cmd := &cobra.Command{
		Use:   "history ENV",
		Short: "Show who moved what into an environment, when, and through which pull request",
		Long: `History lists the moves of an environment's branch, newest first: when, who moved
it, the pull request and who approved it, and each image's version before and
after. Moves without a pull request, force pushes and merges by button are there
as well, and are marked.

It joins the service's record of moves with pull requests, reviews and commits.
Where the record cannot be read, it lists the merged pull requests and says so.
What could not be found out is shown as unknown.`,
		Example: `  pawl history production
  pawl history production --image api --limit 5
  pawl history staging -o json`,
		Args: func(cmd *cobra.Command, args []string) error {
			if options.Limit < 1 || options.Limit > promotion.MaxHistory {
				return usagef("", "--limit: %d is not from 1 to %d", options.Limit, promotion.MaxHistory)
			}
			return withUsage(cobra.ExactArgs(1))(cmd, args)
		},
		ValidArgsFunction: a.completeEnvironments,
		RunE: func(cmd *cobra.Command, args []string) error {
			options.Environment = args[0]
			return look(cmd.Context(), a, repo, promotion.History, options)
		},
	}
	cmd.Flags().IntVar(&options.Limit, "limit", 20, "list so many moves at most")
	cmd.Flags().StringVar(&options.Image, "image", "", "only moves that change this image: its name, or the last part of it")
	repoFlag(cmd, &repo)
	exits(cmd, ExitTransient, ExitAccess)
	return cmd
}
