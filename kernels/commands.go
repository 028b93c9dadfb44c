package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"galdecon/kernels/console"
	"galdecon/kernels/doctor"
	"galdecon/kernels/home"
	"galdecon/kernels/launch"
	"galdecon/kernels/notebook"
)

// command is the command line.
func command() *cobra.Command {
	root := &cobra.Command{
		Use:           "galdecon",
		Short:         "Galaxy deconvolution in Go notebooks",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.AddCommand(quickstart(), setup(), diagnose(), run(), scores(), lab(), kernel())
	return root
}

func quickstart() *cobra.Command {
	out := "executed"
	cmd := &cobra.Command{
		Use:   "quickstart",
		Short: "Set up what is missing and execute notebooks/00_quickstart.ipynb",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			repo, err := home.FindRepo()
			if err != nil {
				return err
			}
			return execute(cmd.Context(), out, filepath.Join(repo, "notebooks", "00_quickstart.ipynb"))
		},
	}
	cmd.Flags().StringVar(&out, "out", out, "directory for the executed notebook and its HTML page")
	return cmd
}

func setup() *cobra.Command {
	return &cobra.Command{
		Use:   "setup",
		Short: "Set up what is missing: Python environment, kernel, kernelspec",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, _, c, err := prepare(cmd.Context())
			if err != nil {
				return err
			}
			c.Printf("all is set up in %s", h.Dir)
			return nil
		},
	}
}

func diagnose() *cobra.Command {
	return &cobra.Command{
		Use:   "doctor",
		Short: "Say what is there, in which version, and what to do about what is missing; changes nothing",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h, err := home.Open()
			if err != nil {
				return err
			}
			return doctor.Examine(cmd.Context(), h, os.Stdout)
		},
	}
}

func run() *cobra.Command {
	out := "executed"
	cmd := &cobra.Command{
		Use:   "run NOTEBOOK…",
		Short: "Execute notebooks headless; fails if a cell does",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, notebooks []string) error {
			return execute(cmd.Context(), out, notebooks...)
		},
	}
	cmd.Flags().StringVar(&out, "out", out, "directory for the executed notebooks and their HTML pages")
	return cmd
}

func lab() *cobra.Command {
	return &cobra.Command{
		Use:   "lab [-- ARGUMENTS OF JUPYTER LAB]",
		Short: "Open JupyterLab on the notebooks",
		RunE: func(cmd *cobra.Command, args []string) error {
			h, repo, _, err := prepare(cmd.Context())
			if err != nil {
				return err
			}
			argv := append([]string{h.Python(), "-I", "-m", "jupyterlab", "--ServerApp.root_dir=" + filepath.Join(repo, "notebooks"),
				"--MultiKernelManager.default_kernel_name=" + home.KernelName}, args...)
			// This process becomes JupyterLab, so that Ctrl-C and every other signal reach it.
			return fmt.Errorf("starting JupyterLab: %w", syscall.Exec(argv[0], argv, h.Env(repo)))
		},
	}
}

// kernel is what the kernelspec calls.
func kernel() *cobra.Command {
	var dir, repo, goDir string
	cmd := &cobra.Command{
		Use:    "kernel CONNECTION-FILE",
		Short:  "Start the kernel for Jupyter",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if r := os.Getenv(home.RepoEnv); r != "" {
				repo = r
			}
			if goDir != "" {
				if err := os.Setenv("PATH", os.Getenv("PATH")+string(os.PathListSeparator)+goDir); err != nil {
					return err
				}
			}
			status, err := launch.Kernel(home.Home{Dir: dir}, repo, args[0])
			if err != nil {
				return err
			}
			os.Exit(status)
			return nil
		},
	}
	cmd.Flags().StringVar(&dir, "home", "", "galdecon's per-user directory")
	cmd.Flags().StringVar(&goDir, "go", "", "where go is if it isn't on the PATH")
	cmd.Flags().StringVar(&repo, "repo", "", "the repository that notebooks build against, unless "+home.RepoEnv+" names one")
	return cmd
}

// prepare finds the repository and sets up what is missing.
func prepare(ctx context.Context) (h home.Home, repo string, c *console.Console, err error) {
	c = console.New(os.Stdout)
	if repo, err = home.FindRepo(); err != nil {
		return
	}
	if h, err = home.Open(); err != nil {
		return
	}
	err = h.Setup(ctx, repo, c)
	return
}

// execute executes notebooks one after the other, also after one that failed.
func execute(ctx context.Context, out string, notebooks ...string) error {
	seen := map[string]string{}
	var bad []error
	for _, nb := range notebooks {
		name := filepath.Base(nb)
		if other, ok := seen[name]; ok {
			return fmt.Errorf("%s and %s would both be written to %s; run them one by one, with --out", other, nb, filepath.Join(out, name))
		}
		seen[name] = nb
		if err := notebook.Check(nb); err != nil {
			bad = append(bad, err)
		}
	}
	if len(bad) == len(notebooks) {
		return errors.Join(bad...) // before setting up anything
	}
	h, repo, c, err := prepare(ctx)
	if err != nil {
		return err
	}
	o := notebook.Options{Home: h, Repo: repo, Out: out, Console: c}
	var failed []string
	for _, nb := range notebooks {
		res, err := notebook.Run(ctx, nb, o)
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			failed = append(failed, nb)
			c.Printf("%v", err)
			continue
		}
		if res.Failed != nil {
			failed = append(failed, nb)
			c.Printf("%v", res.Failed)
		}
		c.Printf("%.1f s; written:\n  %s\n  %s", res.Elapsed.Seconds(), res.Notebook, res.HTML)
	}
	if len(failed) > 0 {
		return fmt.Errorf("%d of %d notebooks failed: %s", len(failed), len(notebooks), strings.Join(failed, ", "))
	}
	return nil
}
