package main

import "github.com/spf13/cobra"

func (c *cli) newConfig() *cobra.Command {
	config := &cobra.Command{
		Use:   "config",
		Short: "Print an example of the configuration, or the one in use",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	config.AddCommand(&cobra.Command{
		Use:     "example",
		Short:   "Print every key with its default, unit and meaning, as YAML",
		Long:    "Prints every key with its default, unit and meaning, as YAML that can be used as it is:\nonly group and kafka.topics have to be changed.",
		Example: "  sidecar config example > sidecar.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			writeExample(cmd.OutOrStdout())
			return nil
		},
	}, &cobra.Command{
		Use:     "show",
		Short:   "Print the configuration in use and where each value came from",
		Long:    "Prints the configuration in use, secrets as [redacted], and where each value came from: a line of the\nfile, a variable, --set or the default. Problems are printed after it; the exit code is then 2.",
		Example: "  sidecar config show --config sidecar.yaml\n  SIDECAR_KAFKA_TOPICS=orders sidecar config show --set group=billing",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			config, problems := load(c.sources())
			writeShow(cmd.OutOrStdout(), config)
			return append(problems, config.finish()...).or()
		},
	})
	return config
}

// ready loads the configuration for a command that uses it; all problems are one error.
func (c *cli) ready() (*configuration, error) {
	config, problems := load(c.sources())
	problems = append(problems, config.finish()...)
	return config, problems.or()
}
