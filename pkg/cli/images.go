package cli

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/getpawl/pawl/pkg/bump"
)

func (a *app) imagesCommand() *cobra.Command {
	var env string
	cmd := &cobra.Command{
		Use:   "images [PATH…]",
		Short: "List every image reference: where it stands, and who else uses the image",
		Long: `Images lists every image reference in the YAML files below the working directory,
or in the files, folders and globs given. It needs no Git and no network.`,
		Example: `  pawl images
  pawl images base 'charts/*/values*.yaml'
  pawl images --env dev -o json`,
		RunE: func(cmd *cobra.Command, args []string) error { return a.images(cmd, env, args) },
	}
	cmd.Flags().StringVar(&env, "env", "", "only the files of this environment")
	_ = cmd.RegisterFlagCompletionFunc("env", a.completeEnvironmentFlag)
	exits(cmd)
	return cmd
}

func (a *app) images(cmd *cobra.Command, env string, paths []string) error {
	place, err := a.place(cmd.Context(), env, paths, false)
	if err != nil {
		return err
	}
	directory, err := bump.OpenDirectory(place.root)
	if err != nil {
		return &usageError{err, ""}
	}
	files, err := directory.Read(place.match)
	if err := errors.Join(err, directory.Close()); err != nil {
		return err
	}
	list := bump.Images(files)
	for _, skipped := range list.Skipped {
		a.trace("skipped %s", skipped.Reason)
	}
	return a.print(list)
}
