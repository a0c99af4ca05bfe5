package imports

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	scheme      = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]+):/`) // more than one letter: "C:/" is a drive
	dstreamFile = regexp.MustCompile(`^checkpoint-\d+(\.bk)?$`)
)

// localFolder is the folder that a path names, when it is the checkpoint of a query and lies on this machine.
func localFolder(path string) (string, error) {
	if m := scheme.FindStringSubmatch(path); m != nil {
		if !strings.EqualFold(m[1], "file") {
			return "", fmt.Errorf("%s is not on this machine, and only local folders are read: with the query stopped copy it (%s) and name the copy", path, copyCommand(m[1], path))
		}
		path = "/" + strings.TrimLeft(path[len(m[0]):], "/")
	}
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", fmt.Errorf("read the checkpoint: %w", err)
	case isDStream(path, info):
		return "", fmt.Errorf("%s is the checkpoint of a DStream job (Spark Streaming): the application's own classes in Java serialisation, which can't be read from outside. %s", path, dstreamHelp)
	case !info.IsDir():
		return "", fmt.Errorf("%s is a file: name the folder that has offsets/ and commits/", path)
	}
	return path, checkFolder(path)
}

// copyCommand copies a folder from where it lies to ./checkpoint.
func copyCommand(scheme, path string) string {
	rest := path[len(scheme):]
	switch strings.ToLower(scheme) {
	case "s3", "s3a", "s3n":
		return "aws s3 cp --recursive s3" + rest + " ./checkpoint"
	case "gs":
		return "gcloud storage cp -r " + path + " ./checkpoint"
	case "dbfs":
		return "databricks fs cp -r " + path + " ./checkpoint"
	}
	return "hadoop fs -copyToLocal " + path + " ./checkpoint"
}

// dstreamHelp is what to do instead. The loop is that of Spark's guide to storing offsets.
const dstreamHelp = `Export the offsets from the running job: at the end of what it does for each batch let it print them,
    stream.foreachRDD { rdd => ...; rdd.asInstanceOf[HasOffsetRanges].offsetRanges.foreach(r => println(s"${r.topic},${r.partition},${r.untilOffset}")) }
(in Python: for r in rdd.offsetRanges(): print(r.topic, r.partition, r.untilOffset, sep=",")), stop it, and import the lines of the last batch as csv`

// isDStream looks at names, and at how a file begins.
func isDStream(path string, info os.FileInfo) bool {
	if info.Mode().IsRegular() {
		return dstreamFile.MatchString(filepath.Base(path)) || beginsWith(path, javaMagic)
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return false // the reading proper will say so
	}
	for _, e := range entries {
		if e.Type().IsRegular() && (dstreamFile.MatchString(e.Name()) || beginsWith(filepath.Join(path, e.Name()), javaMagic)) {
			return true
		}
	}
	return false
}

func beginsWith(path string, magic []byte) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, len(magic))
	n, _ := f.Read(head) // less than asked for, or nothing, is not the magic
	return bytes.Equal(head[:n], magic)
}

// checkFolder refuses a folder that is no checkpoint: its parent or a child may be meant.
func checkFolder(path string) error {
	entries, err := os.ReadDir(path)
	if err != nil {
		return fmt.Errorf("read the checkpoint: %w", err)
	}
	var below []string
	for _, e := range entries {
		switch e.Name() {
		case offsetsFolder, commitsFolder, sourcesFolder:
			return nil
		}
		if _, err := os.Stat(filepath.Join(path, e.Name(), offsetsFolder)); err == nil {
			below = append(below, filepath.Join(path, e.Name()))
		}
	}
	if len(below) > 0 {
		return fmt.Errorf("%s is no checkpoint, but %s may be: name one", path, strings.Join(below, ", "))
	}
	return fmt.Errorf("%s is no checkpoint of Structured Streaming: it has none of the folders offsets, commits and sources", path)
}
