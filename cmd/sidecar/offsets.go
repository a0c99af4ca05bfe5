package main

import (
	"context"
	"fmt"
	"os/user"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"
)

const offsetsHelp = `Shows where the group stands and changes it. A change is a write to the store: it needs no route to the sidecar
that owns a partition, works whether the group runs or not, and is followed within watch.interval without a restart.
What is in flight at that moment may still be delivered; its acknowledgement no longer moves the offset.

Whatever changes something prints the plan first and does nothing without --execute. Every change is kept in the
operators' log: sidecar offsets log.

Give it the same --config, variables or --set as the sidecar itself. Only group, kafka.* and offsets.* are looked
at. Without --topic all topics of kafka.topics are meant. A file store belongs to one process: while a sidecar
runs on it, its admin listener takes the orders.

Exit codes: 0 done (or planned), 1 refused or not done, 2 usage or configuration.`

const offsetsExamples = `  sidecar offsets list --config sidecar.yaml
  sidecar offsets reset --config sidecar.yaml --topic orders:0,1 --to-datetime 2026-11-29T10:00:00Z
  sidecar offsets reset --config sidecar.yaml --topic orders:0,1 --to-datetime 2026-11-29T10:00:00Z --execute`

// offsetsTimeout bounds one command: a change is tried again while owners' commits come between.
const offsetsTimeout = time.Minute

// offsetsCLI is what the commands on offsets share.
type offsetsCLI struct {
	*cli
	as     string // --as
	topics topicsFlag
	output string // -o; "" = the command's own
}

func (c *cli) newOffsets() *cobra.Command {
	o := &offsetsCLI{cli: c}
	cmd := &cobra.Command{
		Use:     "offsets",
		Short:   "Show where the group stands; reset, pause, resume, export, import, delete",
		Long:    offsetsHelp,
		Example: offsetsExamples,
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.PersistentFlags().StringVar(&o.as, "as", "", "`name` that the operators' log shall show (default: <user>@<host> of this process)")
	cmd.AddCommand(o.newList(), o.newReset(), o.newPause(), o.newResume(), o.newExport(), o.newImport(), o.newDelete(), o.newLog())
	return cmd
}

// topicFlag adds --topic to a command.
func (o *offsetsCLI) topicFlag(cmd *cobra.Command, usage string) {
	cmd.Flags().Func("topic", usage+"; may be repeated (default: all of kafka.topics)", o.topics.set)
}

// outputFlag adds -o to a command. Until it is given, output is empty: the first of the forms.
func (o *offsetsCLI) outputFlag(cmd *cobra.Command, forms ...string) {
	usage := fmt.Sprintf("`form` of what is printed: %s (default %s)", oneOf(forms), forms[0])
	cmd.Flags().FuncP("output", "o", usage, func(s string) error {
		if !slices.Contains(forms, s) {
			return fmt.Errorf("must be %s", oneOf(forms))
		}
		o.output = s
		return nil
	})
}

// run opens what a command needs, does it and closes everything. What do returns ends the command with 1. instead is what the admin API of
// a running sidecar offers for it, for the message that it holds the store.
func (o *offsetsCLI) run(cmd *cobra.Command, instead string, do func(ctx context.Context, d *desk) error) error {
	d, err := o.open(cmd.ErrOrStderr(), instead)
	if err != nil {
		return err
	}
	defer d.close()
	ctx, cancel := context.WithTimeout(cmd.Context(), offsetsTimeout)
	defer cancel()
	return failed(do(ctx, d))
}

// who is the operator's name for the log, <user>@<host>.
func (o *offsetsCLI) who() (string, error) {
	if o.as == "" {
		name := "unknown" // a container's user may have no name
		if u, err := user.Current(); err == nil && u.Username != "" {
			name = strings.ReplaceAll(u.Username, "/", "-")
		}
		return name + "@" + hostName(), nil
	}
	if len(o.as) > 200 || strings.ContainsRune(o.as, '/') || strings.ContainsFunc(o.as, func(r rune) bool { return unprintable(r) || unicode.IsSpace(r) }) {
		return "", fmt.Errorf("--as must be at most 200 bytes of printable text without spaces and / (got %s)", shown(o.as))
	}
	return o.as, nil
}
