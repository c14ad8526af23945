// What a refused experiment imports: a variable that changes.
export let counter = 1;
export const advance = () => {
  counter += 1;
};
