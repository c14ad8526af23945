export * from "./glint360k.js";
export * from "./ms1mv3.js";
export type { Recipe, RecipeOptions } from "./recipe.js";
export * from "./webface42m.js";
