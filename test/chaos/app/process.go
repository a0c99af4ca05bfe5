package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/kafka-sidecar/kafka-sidecar/test/chaos/oracle"
)

// variable tells the test binary to be an app; its value is the settings.
const variable = "CHAOS_APP"

// settings are what a process is started with.
type settings struct {
	Proc      string    `json:"proc"`    // its name in the log
	Listen    string    `json:"listen"`  // for batches
	Control   string    `json:"control"` // for behaviours
	Log       string    `json:"log"`
	Behaviour Behaviour `json:"behaviour"`
}

// RunIfAsked makes the process the app, and does not return, when it was started by an App. TestMain calls it first.
func RunIfAsked() {
	text, asked := os.LookupEnv(variable)
	if !asked {
		return
	}
	var s settings
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		die("read %s: %v", variable, err)
	}
	if err := run(s); err != nil {
		die("%v", err)
	}
	os.Exit(0)
}

// die ends the process with code 3.
func die(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "app: "+format+"\n", args...)
	os.Exit(3)
}

// run serves until SIGTERM, which lets it answer what it works on.
func run(s settings) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	file, err := os.OpenFile(s.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	j := &journal{file: file}
	j.write(oracle.AppLine{What: oracle.Up, Proc: s.Proc})
	app := newServer(j, s.Behaviour)

	control, err := net.Listen("tcp", s.Control)
	if err != nil {
		return err
	}
	batches, err := net.Listen("tcp", s.Listen)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: app, ReadHeaderTimeout: time.Minute}
	commands := &http.Server{Handler: http.HandlerFunc(app.control), ReadHeaderTimeout: time.Minute}
	failed := make(chan error, 2)
	go func() { failed <- commands.Serve(control) }()
	go func() { failed <- server.Serve(batches) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}
