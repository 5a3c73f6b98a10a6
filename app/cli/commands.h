/* SPDX-License-Identifier: Apache-2.0
 *
 * commands.h: every command of sagitta-cli, each in app/cli/<name>.c.
 */
#pragma once

int sag_command_bench   (int argc, char **argv);
int sag_command_calibrate (int argc, char **argv);
int sag_command_check_plugin (int argc, char **argv);
int sag_command_compare (int argc, char **argv);
int sag_command_compress (int argc, char **argv);
int sag_command_convert (int argc, char **argv);
int sag_command_decode  (int argc, char **argv);
int sag_command_evaluate (int argc, char **argv);
int sag_command_export_anon (int argc, char **argv);
int sag_command_index   (int argc, char **argv);
int sag_command_info    (int argc, char **argv);
int sag_command_measure (int argc, char **argv);
int sag_command_models  (int argc, char **argv);
int sag_command_phantom (int argc, char **argv);
int sag_command_plan    (int argc, char **argv);
int sag_command_render  (int argc, char **argv);
int sag_command_run     (int argc, char **argv);
int sag_command_seg_info (int argc, char **argv);
int sag_command_segment (int argc, char **argv);
int sag_command_validate (int argc, char **argv);
int sag_command_worker  (int argc, char **argv);
