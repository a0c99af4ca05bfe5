package testenv

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// Versions of the servers under test. The Makefile's deps target fetches the same.
const (
	kafkaVersion     = "4.3.1"
	consulVersion    = "1.19.2"
	postgresVersion  = "15.8.0"
	toxiproxyVersion = "2.5.0"
	zookeeperVersion = "3.9.4"
)

// cacheDir is where `make deps` puts the servers.
func cacheDir() string {
	base := os.Getenv("XDG_CACHE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return ""
		}
		base = filepath.Join(home, ".cache")
	}
	return filepath.Join(base, "kafka-sidecar")
}

// KafkaClasspath is the class path of a broker: an installation named by KAFKA_HOME, else the cache.
func KafkaClasspath() (string, error) {
	dir := filepath.Join(cacheDir(), "kafka-"+kafkaVersion)
	if home := os.Getenv("KAFKA_HOME"); home != "" {
		dir = filepath.Join(home, "libs")
	}
	jars, err := filepath.Glob(filepath.Join(dir, "*.jar"))
	if err != nil || len(jars) == 0 {
		return "", fmt.Errorf("no Kafka jars in %s: run 'make deps' or set KAFKA_HOME", dir)
	}
	return filepath.Join(dir, "*"), nil
}

// ConsulPath is the server's binary: from PATH, else the cache.
func ConsulPath() (string, error) {
	if path, err := exec.LookPath("consul"); err == nil {
		return path, nil
	}
	path := filepath.Join(cacheDir(), "consul-"+consulVersion, "consul")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("no consul on PATH and none at %s: run 'make deps'", path)
	}
	return path, nil
}

// ToxiproxyPath is the proxy's binary in the cache.
func ToxiproxyPath() (string, error) {
	path := filepath.Join(cacheDir(), "toxiproxy-"+toxiproxyVersion, "toxiproxy")
	if _, err := os.Stat(path); err != nil {
		return "", fmt.Errorf("no toxiproxy at %s: run 'make deps'", path)
	}
	return path, nil
}

// PostgresHome is a folder with bin/postgres and bin/initdb: an installation named by POSTGRES_HOME, else the cache.
func PostgresHome() (string, error) {
	home := filepath.Join(cacheDir(), "postgres-"+postgresVersion)
	if named := os.Getenv("POSTGRES_HOME"); named != "" {
		home = named
	}
	for _, program := range []string{"postgres", "initdb"} {
		if _, err := os.Stat(filepath.Join(home, "bin", program)); err != nil {
			return "", fmt.Errorf("no bin/%s in %s: run 'make deps' or set POSTGRES_HOME", program, home)
		}
	}
	return home, nil
}

// ZooKeeperClasspath is the class path of a ZooKeeper server in the cache.
func ZooKeeperClasspath() (string, error) {
	dir := filepath.Join(cacheDir(), "zookeeper-"+zookeeperVersion)
	jars, err := filepath.Glob(filepath.Join(dir, "*.jar"))
	if err != nil || len(jars) == 0 {
		return "", fmt.Errorf("no ZooKeeper jars in %s: run 'make deps'", dir)
	}
	return filepath.Join(dir, "*"), nil
}

// moduleRoot is the folder of the module's go.mod, upwards from the package under test.
func moduleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("find go.mod: not in a module")
		}
		dir = parent
	}
}
