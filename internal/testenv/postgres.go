package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// PostgresServer is one PostgreSQL server on 127.0.0.1 that trusts everybody. What it has committed survives Kill
// and Start, but not a crash of the machine.
type PostgresServer struct {
	*server
	dir string // everything of it, removed by Close
}

// Postgres starts a server of the test's own and ends it with the test.
func Postgres(t testing.TB) *PostgresServer {
	t.Helper()
	p, err := StartPostgres()
	if err != nil {
		t.Fatal(err)
	}
	p.server.t = t
	t.Cleanup(func() {
		p.printOnFailure(t)
		p.Close()
	})
	return p
}

// StartPostgres starts a server for a program that is no test: of the methods that do not return an error only URL,
// Log and Close may be used, and Close has to be called.
func StartPostgres() (*PostgresServer, error) {
	home, err := PostgresHome()
	if err != nil {
		return nil, err
	}
	// Not below a folder of the test: those can be entered by the test's own user only.
	dir, err := os.MkdirTemp("", "testenv-postgres-")
	if err != nil {
		return nil, fmt.Errorf("prepare PostgreSQL: %w", err)
	}
	p := &PostgresServer{dir: dir}
	if err := p.startFirst(home); err != nil {
		p.Close()
		return nil, err
	}
	return p, nil
}

// startFirst makes the files of a new database and starts a server on them.
func (p *PostgresServer) startFirst(home string) error {
	as, err := postgresUser()
	if err != nil {
		return err
	}
	if as != nil {
		if err := os.Chown(p.dir, int(as.Uid), int(as.Gid)); err != nil {
			return fmt.Errorf("prepare PostgreSQL: %w", err)
		}
		if home, err = reachableCopy(home, filepath.Join(p.dir, "server")); err != nil {
			return err
		}
	}
	data := filepath.Join(p.dir, "data")
	if err := initdb(home, data, as); err != nil {
		return err
	}
	_, err = inTries(func(int) (*PostgresServer, error) { return p, p.try(home, data, as) })
	return err
}

func (p *PostgresServer) try(home, data string, as *syscall.Credential) error {
	ports, err := freePorts(1)
	if err != nil {
		return err
	}
	addr := loopback(ports[0])
	proc := &process{
		name: "postgres " + addr, output: filepath.Join(p.dir, "output.log"), dir: p.dir, as: as,
		argv: []string{
			filepath.Join(home, "bin", "postgres"), "-D", data, "-p", strconv.Itoa(ports[0]),
			"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
			"-c", "fsync=off", "-c", "shared_buffers=32MB",
		},
	}
	p.server = &server{proc: proc, addr: addr, ready: p.isReady}
	return proc.startReady(startWithin, p.isReady)
}

// isReady is nil when the server takes a connection; after Kill it first recovers.
func (p *PostgresServer) isReady() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	conn, err := pgconn.Connect(ctx, p.URL())
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// URL is the address of its database, with the user that may do everything: postgres://postgres@127.0.0.1:port/postgres.
func (p *PostgresServer) URL() string { return "postgres://postgres@" + p.addr + "/postgres" }

// Stop ends the server gracefully, whoever is connected, and waits for it.
func (p *PostgresServer) Stop() {
	p.t.Helper()
	if err := p.end(syscall.SIGINT); err != nil { // SIGTERM would wait for its clients
		p.t.Fatal(err)
	}
}

// Kill ends the server in the middle of what it does, as a crash, and waits for it.
func (p *PostgresServer) Kill() {
	// SIGKILL would leave the processes of its connections behind, and no server starts beside them.
	_ = p.end(syscall.SIGQUIT) // it has been killed then
}

// end signals the server and kills it when it has not ended after stopWithin.
func (p *PostgresServer) end(sig syscall.Signal) error {
	if !p.proc.running() {
		return nil
	}
	if err := errors.Join(p.proc.signal(syscall.SIGCONT), p.proc.signal(sig)); err != nil && p.proc.running() {
		return err
	}
	if _, err := p.proc.wait(stopWithin); err != nil {
		p.proc.kill()
		return err
	}
	return nil
}

// Close ends the server and removes its files. It may be called twice.
func (p *PostgresServer) Close() {
	if p.server != nil {
		p.Kill()
	}
	_ = os.RemoveAll(p.dir) // a leftover in the temporary folder is no failure of a test
}

// initdb makes the files of a new database.
func initdb(home, data string, as *syscall.Credential) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, filepath.Join(home, "bin", "initdb"),
		"-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	cmd.Dir = filepath.Dir(data)
	cmd.Env = cleanEnv()
	cmd.SysProcAttr = sysProcAttr()
	cmd.SysProcAttr.Credential = as
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("prepare PostgreSQL: run initdb: %w\n%s", err, out)
	}
	return nil
}

// postgresUser is who the server runs as: PostgreSQL refuses to be root. nil is the user of the test.
func postgresUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return nil, fmt.Errorf("prepare PostgreSQL, which does not run as root: %w", err)
	}
	uid, err := strconv.ParseUint(nobody.Uid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("prepare PostgreSQL: user id of nobody: %w", err)
	}
	gid, err := strconv.ParseUint(nobody.Gid, 10, 32)
	if err != nil {
		return nil, fmt.Errorf("prepare PostgreSQL: group id of nobody: %w", err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

// reachableCopy is home when every user can get there, else a copy of it at to: the cache of root is in a folder
// that only root can enter.
func reachableCopy(home, to string) (string, error) {
	for dir := home; ; dir = filepath.Dir(dir) {
		info, err := os.Stat(dir)
		if err != nil {
			return "", fmt.Errorf("prepare PostgreSQL: %w", err)
		}
		if info.Mode().Perm()&0o001 == 0 {
			break
		}
		if dir == filepath.Dir(dir) {
			return home, nil
		}
	}
	if err := os.CopyFS(to, os.DirFS(home)); err != nil {
		return "", fmt.Errorf("prepare PostgreSQL: copy %s: %w", home, err)
	}
	return to, nil
}
