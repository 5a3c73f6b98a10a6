/* SPDX-License-Identifier: Apache-2.0
 *
 * test-geometry.c: grids, turns and planes, over all 48 orientations.
 */
#include "engine/base/error.h"
#include "engine/image/geometry.h"

#include <math.h>
#include <string.h>

static const double patient[6][3]
    = { { 1, 0, 0 }, { 0, 1, 0 }, { 0, 0, 1 }, { -1, 0, 0 }, { 0, -1, 0 }, { 0, 0, -1 } };
static const char letters[] = "LPSRAI";

/* Orientation number n of 48, as letters. */
static void
get_code (int n, char code[4])
{
  static const int orders[6][3] = { { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 },
                                    { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 } };

  for (int a = 0; a < 3; a++)
    code[a] = letters[orders[n / 8][a] + ((n >> a & 1) != 0 ? 3 : 0)];
  code[3] = '\0';
}

/* A grid of that orientation, tipped by `angle` about two of the patient's axes. */
static void
make_grid (const char *code, double angle, SagGrid *grid)
{
  double c = cos (angle), s = sin (angle);
  const double about_z[3][3] = { { c, -s, 0 }, { s, c, 0 }, { 0, 0, 1 } };
  const double about_x[3][3] = { { 1, 0, 0 }, { 0, c, -s }, { 0, s, c } };

  sag_grid_init (grid, (const int[]){ 5, 7, 11 }, (const double[]){ 0.5, 0.75, 2.0 });
  memcpy (grid->origin, (const double[]){ -31, 17, 250 }, sizeof grid->origin);
  for (int a = 0; a < 3; a++)
    {
      const double *axis = patient[strchr (letters, code[a]) - letters];
      double turned[3];

      for (int p = 0; p < 3; p++)
        turned[p] = about_z[p][0] * axis[0] + about_z[p][1] * axis[1] + about_z[p][2] * axis[2];
      for (int p = 0; p < 3; p++)
        grid->direction[3 * p + a]
            = about_x[p][0] * turned[0] + about_x[p][1] * turned[1] + about_x[p][2] * turned[2];
    }
}

static void
assert_near (const double a[3], const double b[3], double limit)
{
  for (int p = 0; p < 3; p++)
    g_assert_cmpfloat_with_epsilon (a[p], b[p], limit);
}

static void
test_round_trip (void)
{
  for (int n = 0; n < 48; n++)
    {
      char code[4], found[4];
      SagGrid grid;
      const double ijk[3] = { 1.25, -3, 40 };
      double lps[3], back[3], expected[3];

      get_code (n, code);
      make_grid (code, 0.3, &grid);
      g_assert_true (sag_grid_check (&grid, NULL));
      sag_grid_get_orientation (&grid, found);
      g_assert_cmpstr (found, ==, code);
      sag_grid_to_lps (&grid, ijk, lps);
      for (int p = 0; p < 3; p++)
        expected[p] = grid.origin[p] + grid.direction[3 * p] * ijk[0] * 0.5
                      + grid.direction[3 * p + 1] * ijk[1] * 0.75
                      + grid.direction[3 * p + 2] * ijk[2] * 2.0;
      assert_near (lps, expected, 1e-9);
      sag_grid_to_ijk (&grid, lps, back);
      assert_near (back, ijk, 1e-9);
      memcpy (back, ijk, sizeof back);
      sag_grid_to_lps (&grid, back, back);
      assert_near (back, lps, 1e-12);
    }
}

/* Every orientation turned into every other: voxels keep their places. */
static void
test_turn (void)
{
  for (int from = 0; from < 48; from++)
    for (int to = 0; to < 48; to++)
      {
        char code[4], wanted[4], found[4];
        SagGrid grid, turned;
        SagTurn turn;
        g_autoptr (GError) error = NULL;

        get_code (from, code);
        get_code (to, wanted);
        make_grid (code, 0.2, &grid);
        g_assert_true (sag_grid_turn (&grid, wanted, &turn, &turned, &error));
        g_assert_no_error (error);
        sag_grid_get_orientation (&turned, found);
        g_assert_cmpstr (found, ==, wanted);
        for (int corner = 0; corner < 8; corner++)
          {
            double here[3], there[3], lps[3], same[3];

            for (int a = 0; a < 3; a++)
              {
                there[a] = (corner >> a & 1) != 0 ? turned.size[a] - 1 : 1;
                g_assert_cmpint (turned.size[a], ==, grid.size[turn.perm[a]]);
                here[turn.perm[a]] = turn.flip[a] ? turned.size[a] - 1 - there[a] : there[a];
              }
            sag_grid_to_lps (&turned, there, lps);
            sag_grid_to_lps (&grid, here, same);
            assert_near (lps, same, 1e-9);
          }
      }
}

/* Axes as acquired, whatever they are. */
static void
test_turn_not (void)
{
  for (int from = 0; from < 48; from++)
    {
      char code[4];
      SagGrid grid, turned;
      SagTurn turn;

      get_code (from, code);
      make_grid (code, 0.2, &grid);
      g_assert_true (sag_grid_turn (&grid, SAG_GRID_AS_IT_IS, &turn, &turned, NULL));
      g_assert_cmpmem (&turned, sizeof turned, &grid, sizeof grid);
      for (int a = 0; a < 3; a++)
        g_assert_true (turn.perm[a] == a && !turn.flip[a]);
    }
}

static void
test_turn_refuses (void)
{
  static const char *const codes[] = { "", "LP", "LPSI", "LLS", "LRS", "lps", "XPS" };
  SagGrid grid;

  make_grid ("LPS", 0, &grid);
  for (gsize n = 0; n < G_N_ELEMENTS (codes); n++)
    {
      g_autoptr (GError) error = NULL;
      SagTurn turn;

      g_assert_false (sag_grid_turn (&grid, codes[n], &turn, NULL, &error));
      g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID);
    }
}

static void
test_check (void)
{
  SagGrid good, bad;

  make_grid ("LPS", 0, &good);
  g_assert_true (sag_grid_check (&good, NULL));
#define REFUSED(change)                                                              \
  G_STMT_START                                                                       \
  {                                                                                  \
    g_autoptr (GError) error = NULL;                                                 \
    bad = good;                                                                      \
    change;                                                                          \
    g_assert_false (sag_grid_check (&bad, &error));                                  \
    g_assert_error (error, SAG_ENGINE_ERROR, SAG_ENGINE_ERROR_INVALID);              \
  }                                                                                  \
  G_STMT_END
  REFUSED (bad.size[1] = 0);
  REFUSED (bad.size[2] = -4);
  REFUSED (bad.size[0] = bad.size[1] = bad.size[2] = G_MAXINT);
  REFUSED (bad.spacing[2] = 0);
  REFUSED (bad.spacing[0] = NAN);
  REFUSED (bad.spacing[0] = INFINITY);
  REFUSED (bad.origin[1] = NAN);
  REFUSED (bad.direction[0] = 1.01);
  REFUSED (bad.direction[1] = 0.01);
  REFUSED (memset (bad.direction, 0, sizeof bad.direction));
  /* Left-handed is sound. */
  bad = good;
  bad.direction[8] = -1;
  g_assert_true (sag_grid_check (&bad, NULL));
}

static void
test_equal (void)
{
  SagGrid a, b;

  make_grid ("LPS", 0.1, &a);
  b = a;
  b.origin[0] += 1e-4;
  g_assert_true (sag_grid_equal (&a, &b));
  b.origin[0] += 1e-3;
  g_assert_false (sag_grid_equal (&a, &b));
  b = a;
  b.spacing[2] *= 1.0001;
  g_assert_false (sag_grid_equal (&a, &b));
  b = a;
  b.size[0]++;
  g_assert_false (sag_grid_equal (&a, &b));
  a.size[2] = 1;
  b = a;
  b.spacing[2] = 3;
  g_assert_false (sag_grid_equal (&a, &b));
}

static void
test_respace (void)
{
  SagGrid grid, out, same;
  double middle[3], other[3];

  make_grid ("RSA", 0.2, &grid);
  sag_grid_respace (&grid, (const double[]){ 1, 1, 1 }, &out);
  g_assert_cmpint (out.size[0], ==, 3);
  g_assert_cmpint (out.size[1], ==, 6);
  g_assert_cmpint (out.size[2], ==, 22);
  sag_grid_to_lps (&grid, (const double[]){ 2, 3, 5 }, middle);
  sag_grid_to_lps (&out, (const double[]){ 1, 2.5, 10.5 }, other);
  assert_near (middle, other, 1e-9);
  sag_grid_respace (&grid, grid.spacing, &same);
  g_assert_true (sag_grid_equal (&grid, &same));
}

/* The radiological way round: what lies where on the screen. */
static void
assert_radiological (const SagPlane *plane, SagView view, const double at[3])
{
  static const struct
  {
    int to_right, to_bottom; /* index in `patient` */
  } expected[] = {
    [SAG_VIEW_AXIAL] = { 0, 1 }, [SAG_VIEW_CORONAL] = { 0, 5 }, [SAG_VIEW_SAGITTAL] = { 1, 5 }
  };
  double moved[3], x, y, x0, y0;

  sag_plane_to_pixel (plane, 101, 51, at, &x0, &y0);
  g_assert_cmpfloat_with_epsilon (x0, 50, 1e-9);
  g_assert_cmpfloat_with_epsilon (y0, 25, 1e-9);
  for (int p = 0; p < 3; p++)
    moved[p] = at[p] + 5 * patient[expected[view].to_right][p];
  sag_plane_to_pixel (plane, 101, 51, moved, &x, &y);
  g_assert_cmpfloat (x, >, x0 + 3);
  for (int p = 0; p < 3; p++)
    moved[p] = at[p] + 5 * patient[expected[view].to_bottom][p];
  sag_plane_to_pixel (plane, 101, 51, moved, &x, &y);
  g_assert_cmpfloat (y, >, y0 + 3);
}

static void
test_views (void)
{
  const double at[3] = { 10, -20, 30 };

  for (int view = 0; view < SAG_N_VIEWS; view++)
    {
      SagPlane plane;
      double lps[3], x, y;

      sag_plane_init_view (&plane, view, at, 0.5);
      assert_radiological (&plane, view, at);
      sag_plane_to_lps (&plane, 101, 51, 13, 7, lps);
      sag_plane_to_pixel (&plane, 101, 51, lps, &x, &y);
      g_assert_cmpfloat_with_epsilon (x, 13, 1e-9);
      g_assert_cmpfloat_with_epsilon (y, 7, 1e-9);
      for (int n = 0; n < 48; n++)
        {
          char code[4];
          SagGrid grid;
          int axis;
          double normal[3], along = 0;

          get_code (n, code);
          make_grid (code, 0.15, &grid);
          sag_plane_init_grid_view (&plane, &grid, view, at, 0.5, &axis);
          assert_radiological (&plane, view, at);
          sag_plane_get_normal (&plane, normal);
          for (int p = 0; p < 3; p++)
            along += normal[p] * grid.direction[3 * p + axis];
          g_assert_cmpfloat_with_epsilon (fabs (along), 1, 1e-9);
        }
    }
}

static void
test_letters (void)
{
  static const struct
  {
    double      direction[3];
    const char *expected;
  } cases[] = {
    { { 1, 0, 0 }, "L" },          { { -1, 0, 0 }, "R" },           { { 0, 1, 0 }, "P" },
    { { 0, -1, 0 }, "A" },         { { 0, 0, 1 }, "H" },            { { 0, 0, -1 }, "F" },
    { { 0.1, 0.9, -0.3 }, "PF" },  { { -0.6, -0.7, 0.38 }, "ARH" }, { { 0.19, 0.98, 0.05 }, "P" },
  };

  for (gsize n = 0; n < G_N_ELEMENTS (cases); n++)
    {
      char found[4];

      sag_direction_get_letters (cases[n].direction, found);
      g_assert_cmpstr (found, ==, cases[n].expected);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/geometry/round-trip", test_round_trip);
  g_test_add_func ("/geometry/turn", test_turn);
  g_test_add_func ("/geometry/turn-not", test_turn_not);
  g_test_add_func ("/geometry/turn-refuses", test_turn_refuses);
  g_test_add_func ("/geometry/check", test_check);
  g_test_add_func ("/geometry/equal", test_equal);
  g_test_add_func ("/geometry/respace", test_respace);
  g_test_add_func ("/geometry/views", test_views);
  g_test_add_func ("/geometry/letters", test_letters);
  return g_test_run ();
}
