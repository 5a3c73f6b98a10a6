/* SPDX-License-Identifier: Apache-2.0
 *
 * fake.h: jobs that answer at once with small made-up images and results, and what ui tests share. */
#pragma once

#include "app/state/workspace.h"

#include <adwaita.h>

/* Jobs are carried out on threads of the test by a body that knows:
 *  folder "/fake/chest"   one study: a CT of 32 x 24 x 20 voxels ("chest"), an MR that cannot be
 *                         read, and a segmentation over the CT
 *  folder "/fake/two"     two series of it, "Chest 3 mm" and "Chest again", alike
 *  folder "/fake/empty"   no files
 *  folder "/fake/broken"  one series that fails when read
 *  models                 "fake.halves" (CT; FP32, INT8): labels 1 and 2, patient's left and right;
 *                         "fake.slow" (CT): until cancelled; "fake.fails" (any);
 *                         "fake.head" (MR); "fake.invalid" (cannot be used)
 *  export                 writes the format's name; of pictures "png 640x480" and a checksum of the pixels */
void             fake_install       (void);
void             fake_remove        (void);

/* From now on "fake.fails" says that it was the worker that ended, not that something is wrong. */
void             fake_set_crashing  (gboolean      yes);
/* From now on corrections of whole labels do not end until they are cancelled. */
void             fake_set_slow      (gboolean      yes);

/* The CT: HU = 10 i + j - 20 k, axial, 2 x 2 x 3 mm, complete. */
SagVolume       *fake_volume        (void);
/* Its halves, confidence falling with j; complete. */
SagSegmentation *fake_segmentation  (void);
double           fake_value         (int           i,
                                     int           j,
                                     int           k);

/* Runs the main loop until the condition holds; the test fails if it does not within a minute. */
#define fake_wait(condition)                                                             \
  G_STMT_START                                                                           \
  {                                                                                      \
    gint64 fake_end = fake_wait_begin ();                                                \
    gboolean fake_held;                                                                  \
                                                                                         \
    while (!(fake_held = (condition)) && fake_wait_more (fake_end))                      \
      ;                                                                                  \
    if (!fake_held)                                                                      \
      g_assertion_message (G_LOG_DOMAIN, __FILE__, __LINE__, G_STRFUNC,                  \
                           "never came: " #condition);                                   \
  }                                                                                      \
  G_STMT_END
gint64           fake_wait_begin    (void);
gboolean         fake_wait_more     (gint64        end);
/* Until `*flag`. */
void             fake_wait_flag     (gboolean     *flag);
/* Until the property of `object` has this value. */
void             fake_wait_int      (gpointer      object,
                                     const char   *property,
                                     int           value);
/* Until nothing is left to do, some frames drawn. */
void             fake_settle        (void);

/* The model whose estimate says that the images are unlike those it was trained with; NULL: none. */
extern const char *fake_unlike;

/* Settings in memory, at their defaults. */
GSettings       *fake_settings      (void);

/* Shows `child` in a window of that size and waits until it is drawn; the window. */
GtkWindow       *fake_show          (GtkWidget    *child,
                                     int           width,
                                     int           height);

/* Closes a window and waits until nothing holds it any more. */
void             fake_close         (gpointer      window);
/* The first widget of a type, this one or below it, in order; NULL: none. */
GtkWidget       *fake_find          (GtkWidget    *widget,
                                     GType         type);
/* The first label with this text, on screen, this one or below it; NULL: none. */
GtkWidget       *fake_find_text     (GtkWidget    *widget,
                                     const char   *text);
/* The window of a type that is on screen (a dialog); NULL: none. */
GtkWidget       *fake_find_window   (GType         type);
/* What the widget draws, RGBA, at one pixel a point; free with g_free(). */
guint8          *fake_draw          (GtkWidget    *widget,
                                     int          *width,
                                     int          *height);

/* gtk_init, adw_init, resources; then g_test_run(). */
int              fake_main          (int           argc,
                                     char        **argv,
                                     void        (*add_tests) (void));
/* The same for a test that brings its own runner. */
int              fake_main_without_jobs (int    argc,
                                         char **argv,
                                         void (*add_tests) (void));
