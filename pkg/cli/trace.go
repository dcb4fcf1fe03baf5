package cli

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/promotion"
)

func (a *app) traceCommand() *cobra.Command {
	var repo string
	cmd := &cobra.Command{
		Use:   "trace IMAGE|SHA|PR",
		Short: "Say where a change is, since when, and what stands before the next environment",
		Long: `Trace says for every environment whether it has a change, since when, who brought
it and through which pull request. For the next environment on the way it asks
every gate: those of the open promotion, else of the one that could be opened.

The change is one of

  IMAGE         a name, or the last part of it, with a tag or a digest; without,
                the version in the first environment
  SHA           a commit of the config repository, or of an application whose
                bumps have the trailer Pawl-Source; seven digits or more
  OWNER/NAME@SHA  a commit of an application
  #12           a pull request of the config repository, or its address

What could not be found out is shown as unknown.`,
		Example: `  pawl trace ghcr.io/acme/api:1.4.2
  pawl trace api
  pawl trace acme/api@3f2a1bc
  pawl trace '#12' -o json`,
		Args: withUsage(cobra.ExactArgs(1)),
		ValidArgsFunction: func(cmd *cobra.Command, args []string, prefix string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return a.completeImages(cmd, nil, prefix)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			options, err := a.traced(args[0], &repo)
			if err != nil {
				return err
			}
			return look(cmd.Context(), a, repo, promotion.Trace, options)
		},
	}
	repoFlag(cmd, &repo)
	exits(cmd, ExitTransient, ExitAccess)
	return cmd
}

// traced tells a pull request from everything else. Seven digits are a commit: no
// repository has so many pull requests.
func (a *app) traced(what string, repo *string) (promotion.TraceOptions, error) {
	options := promotion.TraceOptions{What: what}
	if len(what) >= 7 && !strings.HasPrefix(what, "#") && !strings.Contains(what, "://") {
		return options, nil
	}
	number, ok, err := a.parsePullRequest(what, repo)
	switch {
	case err != nil:
		return options, err
	case ok:
		options.Number = number
	case what == "" || strings.HasPrefix(what, "#"):
		return options, usagef("give an image, a commit, or a pull request, such as #12", "%q is nothing that can be traced", what)
	}
	return options, nil
}
