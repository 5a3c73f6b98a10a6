/* SPDX-License-Identifier: Apache-2.0
 *
 * leftovers.h: what has a name on disk while it is made, to be removed if the program is told to end before it is done.
 *
 * A program that is killed outright leaves it to the next one: save.h, unzip.h.
 */
#pragma once

#include <glib.h>

/* A file: to be added before it is made. [any thread] */
void  sag_leftovers_add         (const char *path);

/* A folder that will hold results: it goes if nothing is in it. [any thread] */
void  sag_leftovers_add_empty   (const char *path);

/* g_mkdtemp_full() of a folder that goes with all that is in it: files, and folders of files. [any thread] */
char *sag_leftovers_make_folder (char       *template,
                                 int         mode);

/* It has got its name, or is no more. Leaves errno as it is. [any thread] */
void  sag_leftovers_forget      (const char *path);

/* Removes all of them, the last first, though other threads may still write there. [any thread] */
void  sag_leftovers_remove      (void);
