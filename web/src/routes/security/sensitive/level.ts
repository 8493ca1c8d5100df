/** How grave a level of GB/T 35273 looks. */
export const markOf = (level: number): 'critical' | 'high' | 'medium' | 'low' =>
  level >= 4 ? 'critical' : level === 3 ? 'high' : level === 2 ? 'medium' : 'low'
