package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/bump"
	"github.com/getpawl/pawl/pkg/config"
)

func (a *app) imagesCommand() *cobra.Command {
	var (
		env                  string
		unpinned, duplicates bool
	)
	cmd := &cobra.Command{
		Use:   "images [PATH…]",
		Short: "List every image reference: where it stands, and who else uses the image",
		Long: `Images lists every image reference in the YAML files below the working directory,
or in the files, folders and globs given. What Git ignores is left out, unless it is
given. It needs no Git and no network.`,
		Example: `  pawl images
  pawl images base 'charts/*/values*.yaml'
  pawl images --duplicates
  pawl images --env dev -o json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			list, err := a.listImages(cmd.Context(), env, args)
			if err != nil {
				return err
			}
			return a.show(list.Filter(unpinned, duplicates))
		},
	}
	cmd.Flags().StringVar(&env, "env", "", "only the files of this environment")
	cmd.Flags().BoolVar(&unpinned, "unpinned", false, "only references without a version, or with a tag that is moved about")
	cmd.Flags().BoolVar(&duplicates, "duplicates", false, "only images that stand in several places with different versions")
	_ = cmd.RegisterFlagCompletionFunc("env", a.completeEnvironmentFlag)
	exits(cmd)
	return cmd
}

func (a *app) listImages(ctx context.Context, env string, paths []string) (*bump.ImageList, error) {
	place, err := a.place(ctx, env, paths, false)
	if err != nil {
		return nil, err
	}
	var named []config.Image
	if place.config != nil {
		named = place.config.Images
	}
	directory, err := a.open(ctx, place)
	if err != nil {
		return nil, err
	}
	list, err := bump.ListImages(directory, place.match, named)
	if err := errors.Join(err, directory.Close()); err != nil {
		return nil, err
	}
	for _, skipped := range list.Skipped {
		a.trace("skipped %s", skipped.Reason)
	}
	return list, nil
}
