package main

import (
	"context"
	"fmt"

	"github.com/rs/zerolog"
)

// demoSidecar is one sidecar, put together by what `sidecar run` uses.
type demoSidecar struct {
	parts *sidecar
	drain context.CancelFunc
	ended chan struct{} // closed when it has ended and err is set
	err   error
}

// startDemoSidecar starts a sidecar between the stage's broker, app and folder. It lives until it is
// stopped or killed.
func startDemoSidecar(s *demoStage) (*demoSidecar, error) {
	config, problems := load(sources{sets: s.settings()})
	if problems = append(problems, config.finish()...); len(problems) > 0 {
		return nil, problems
	}
	log := zerolog.Nop()
	if s.options.verbose {
		log = newLogger(s.options.logs, config.logLevel, config.logFormat)
	}
	parts, err := assemble(config, log)
	if err != nil {
		return nil, err
	}
	if err := parts.open(); err != nil {
		parts.close()
		return nil, err
	}
	ctx, drain := context.WithCancel(context.Background())
	d := &demoSidecar{parts: parts, drain: drain, ended: make(chan struct{})}
	go func() {
		defer close(d.ended)
		d.err = parts.run(ctx)
		parts.close()
	}()
	return d, nil
}

// settings are those of the demo's sidecars, as --set takes them. What is not named has its default,
// `start: latest` among it; the times are shorter, for people who watch.
func (s *demoStage) settings() []string {
	return []string{
		"group=" + demoGroup,
		"kafka.topics=" + demoTopic,
		"kafka.brokers=" + s.broker(),
		"kafka.session_timeout=" + demoSession.String(),
		"app.url=" + s.app.url(),
		"offsets.store=file",
		"offsets.file.path=" + s.folder,
		"watch.interval=" + demoWatch.String(),
		"retry.max=1s",
		"metrics.listen=127.0.0.1:0",
		"admin.listen=127.0.0.1:0",
	}
}

// stop ends it as SIGTERM does: drain, last commit, leave the group.
func (d *demoSidecar) stop() error {
	d.drain()
	<-d.ended
	return d.err
}

// kill ends it as kill -9 does: requests are cut, and nothing more is committed.
func (d *demoSidecar) kill() {
	d.parts.engine.Abort()
	<-d.ended
	d.drain()
}

// commands are lines to try against it.
func (d *demoSidecar) commands() []string {
	admin, metrics := d.parts.server.AdminAddr(), d.parts.server.MetricsAddr()
	return []string{
		fmt.Sprintf("curl -s http://%s/v1/status", admin),
		fmt.Sprintf("curl -s http://%s/readyz", metrics),
		fmt.Sprintf("curl -s http://%s/metrics | grep ^sidecar_", metrics),
		fmt.Sprintf("curl -s -X POST http://%s/v1/drain", admin),
	}
}
