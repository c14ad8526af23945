// What a refused experiment imports: a variable that changes, and a list that its plan changes.
export let counter = 1;
export const advance = () => {
  counter += 1;
};
export const table: number[] = [];
